# SPDX-License-Identifier: MIT
#
# tests/ mirrors the tree: one program per test_*.c, linked with every
# floor; a plugin's test also compiles the plugin and a fake host.

pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
set(t ${CMAKE_SOURCE_DIR}/tests)

# frl_test(FOLDER SOURCE EXTRA...): one cmocka program.
function(frl_test folder source)
	get_filename_component(name ${source} NAME_WE)
	set(target ${folder}_${name})
	add_executable(${target} ${source} ${ARGN})
	target_compile_definitions(${target} PRIVATE
		FRL_BUILD_DIR="${CMAKE_BINARY_DIR}"
		FRL_SOURCE_DIR="${CMAKE_SOURCE_DIR}"
		FRL_VERSION="${PROJECT_VERSION}")
	target_include_directories(${target} PRIVATE
		${CMAKE_SOURCE_DIR}/core ${CMAKE_SOURCE_DIR}/plugins ${t})
	target_link_libraries(${target} PRIVATE frl_flags ${frl_below}
		PkgConfig::CMOCKA)
	set_target_properties(${target} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/${folder})
	add_test(NAME ${folder}/${name} COMMAND ${target})
	set_tests_properties(${folder}/${name} PROPERTIES TIMEOUT 1800
		WORKING_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

foreach(floor base net flow app)
	file(GLOB sources CONFIGURE_DEPENDS ${t}/${floor}/test_*.c)
	# What the tests of one floor share.
	file(GLOB shared CONFIGURE_DEPENDS ${t}/${floor}/*.c)
	list(FILTER shared EXCLUDE REGEX "/test_[^/]*\\.c$")
	if(floor STREQUAL flow)
		# The chain's model, inspectors and properties, in C.
		file(GLOB model CONFIGURE_DEPENDS ${t}/model/*.c)
		list(APPEND shared ${model})
	endif()
	foreach(source IN LISTS sources)
		frl_test(${floor} ${source} ${shared})
	endforeach()
endforeach()

# tests/plugins/test_<name>.c, or test_<name>_<part>.c, tests plugins/<name>.
file(GLOB sources CONFIGURE_DEPENDS ${t}/plugins/test_*.c)
file(GLOB shared CONFIGURE_DEPENDS ${t}/plugins/*.c)
list(FILTER shared EXCLUDE REGEX "/test_[^/]*\\.c$")
foreach(source IN LISTS sources)
	get_filename_component(name ${source} NAME_WE)
	string(REGEX REPLACE "^test_([^_]*).*" "\\1" plugin ${name})
	file(GLOB parts CONFIGURE_DEPENDS
		${CMAKE_SOURCE_DIR}/plugins/${plugin}/*.c)
	frl_test(plugins ${source} ${parts} ${shared})
	target_link_libraries(plugins_${name} PRIVATE
		${frl_plugin_libs_${plugin}})
endforeach()

frl_modules(tests/inspectors ${CMAKE_BINARY_DIR}/tests/inspectors)
frl_modules(tests/bad ${CMAKE_BINARY_DIR}/tests/bad)

add_test(NAME tools/floors COMMAND ${CMAKE_SOURCE_DIR}/tools/floors)
add_test(NAME tools/floors_can_fail
	COMMAND ${t}/tools/floors_can_fail ${CMAKE_SOURCE_DIR}/tools/floors)
add_test(NAME tools/headers COMMAND ${CMAKE_SOURCE_DIR}/tools/headers
	${CMAKE_C_COMPILER})
add_test(NAME tools/exports COMMAND ${CMAKE_SOURCE_DIR}/tools/exports
	${CMAKE_BINARY_DIR}/plugins)

# What lets calls fail under tests/faults/run.  It stands before the
# sanitizers' run-time library, so it is not sanitized itself.
add_library(faults_shim SHARED ${t}/faults/shim.c
	${t}/faults/shim_files.c ${t}/faults/shim_sockets.c)
target_compile_definitions(faults_shim PRIVATE _GNU_SOURCE)
target_compile_options(faults_shim PRIVATE -Wall -Wextra -Wconversion
	-Wshadow -fno-builtin -fno-omit-frame-pointer -fno-sanitize=all)
target_link_options(faults_shim PRIVATE -fno-sanitize=all)
target_link_libraries(faults_shim PRIVATE gcc_s ${CMAKE_DL_LIBS})
set_target_properties(faults_shim PROPERTIES PREFIX "" OUTPUT_NAME shim
	C_VISIBILITY_PRESET default
	LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/faults)
# By the name that the shim looks for.
add_executable(faults_proof ${t}/faults/proof.c)
target_link_libraries(faults_proof PRIVATE frl_flags)
set_target_properties(faults_proof PROPERTIES OUTPUT_NAME fairlead
	RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests/faults/proof)
