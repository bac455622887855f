# SPDX-License-Identifier: MIT
#
# How each kind of folder becomes a target.

set(frl_libs_base PkgConfig::YAML)
set(frl_libs_net frl_ev PkgConfig::CARES PkgConfig::SECCOMP)
set(frl_libs_flow ${CMAKE_DL_LIBS})
set(frl_libs_app)
set(frl_below)

# frl_floor(NAME): core/NAME/*.c is a static library over the floors below.
macro(frl_floor name)
	file(GLOB sources CONFIGURE_DEPENDS
		${CMAKE_SOURCE_DIR}/core/${name}/*.c)
	list(FILTER sources EXCLUDE REGEX "/app/main\\.c$")
	if(sources)
		add_library(frl_floor_${name} STATIC ${sources})
		target_include_directories(frl_floor_${name} PUBLIC
			${CMAKE_SOURCE_DIR}/core)
		target_compile_definitions(frl_floor_${name} PRIVATE
			FRL_VERSION="${PROJECT_VERSION}"
			FRL_PLUGIN_DIR="${FRL_PLUGIN_DIR}"
			FRL_PLUGIN_RELATIVE="${FRL_PLUGIN_RELATIVE}")
		target_link_libraries(frl_floor_${name}
			PRIVATE frl_flags
			PUBLIC ${frl_below} ${frl_libs_${name}})
		list(PREPEND frl_below frl_floor_${name})
	endif()
endmacro()

function(frl_program)
	if(NOT EXISTS ${CMAKE_SOURCE_DIR}/core/app/main.c)
		message(WARNING "core/app/main.c is missing: no program")
		return()
	endif()
	add_executable(fairlead core/app/main.c)
	target_compile_definitions(fairlead PRIVATE
		FRL_VERSION="${PROJECT_VERSION}"
		FRL_PLUGIN_DIR="${FRL_PLUGIN_DIR}")
	target_link_libraries(fairlead PRIVATE frl_flags ${frl_below})
	set_target_properties(fairlead PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endfunction()

# frl_module(TARGET NAME FOLDER SOURCES...): NAME.so in FOLDER, which
# exports only its descriptor and links to nothing of ours.
function(frl_module target name folder)
	add_library(${target} MODULE ${ARGN})
	target_link_libraries(${target} PRIVATE frl_flags frl_closed)
	set_target_properties(${target} PROPERTIES PREFIX "" SUFFIX ".so"
		OUTPUT_NAME ${name} LIBRARY_OUTPUT_DIRECTORY ${folder})
endfunction()

# What a protocol's plugin needs beyond libc, wherever it is compiled.
set(frl_plugin_sources_http ${CMAKE_SOURCE_DIR}/core/base/head.c
	${CMAKE_SOURCE_DIR}/core/base/head_fields.c
	${CMAKE_SOURCE_DIR}/core/base/target.c ${CMAKE_SOURCE_DIR}/core/base/uri.c
	${CMAKE_SOURCE_DIR}/core/base/via.c)
set(frl_plugin_libs_http frl_llhttp PkgConfig::CRYPTO)
set(frl_plugin_libs_websocket frl_wslay PkgConfig::ZLIB)

function(frl_plugin_folder folder)
	get_filename_component(name ${folder} NAME)
	file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.c)
	if(NOT sources)
		return()
	endif()
	frl_module(plugin_${name} ${name} ${CMAKE_BINARY_DIR}/plugins
		${sources} ${frl_plugin_sources_${name}})
	target_include_directories(plugin_${name} PRIVATE
		${CMAKE_SOURCE_DIR}/plugins)
	if(frl_plugin_sources_${name})
		target_include_directories(plugin_${name} PRIVATE
			${CMAKE_SOURCE_DIR}/core)
	endif()
	target_link_libraries(plugin_${name} PRIVATE
		${frl_plugin_libs_${name}})
	set_property(GLOBAL APPEND PROPERTY frl_plugins plugin_${name})
endfunction()

# frl_modules(FOLDER OUTPUT): each FOLDER/*.c is a plugin of its own.
function(frl_modules folder output)
	file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/*.c)
	string(MAKE_C_IDENTIFIER ${folder} prefix)
	foreach(source IN LISTS sources)
		get_filename_component(name ${source} NAME_WE)
		frl_module(${prefix}_${name} ${name} ${output} ${source})
	endforeach()
endfunction()

# The demo's server and client: small programs, no plugins.
function(frl_demo)
	file(GLOB sources CONFIGURE_DEPENDS
		${CMAKE_SOURCE_DIR}/examples/demo/*.c)
	list(FILTER sources EXCLUDE REGEX "/wire\\.c$")
	foreach(source IN LISTS sources)
		get_filename_component(name ${source} NAME_WE)
		add_executable(demo_${name} ${source}
			${CMAKE_SOURCE_DIR}/examples/demo/wire.c)
		target_link_libraries(demo_${name} PRIVATE frl_flags
			PkgConfig::CRYPTO)
		set_target_properties(demo_${name} PROPERTIES
			OUTPUT_NAME ${name}
			RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/demo)
	endforeach()
endfunction()
