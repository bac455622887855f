# SPDX-License-Identifier: MIT
#
# The fuzz targets, for clang (presets fuzz and fuzz-coverage).  One program
# per fuzz/fuzz_<name>.c; `fuzzers` builds them all, and the modules that
# some of them open.

set(f ${CMAKE_SOURCE_DIR}/fuzz)
set(t ${CMAKE_SOURCE_DIR}/tests)
set(p ${CMAKE_SOURCE_DIR}/plugins)
add_custom_target(fuzzers)

# frl_fuzzer(NAME SOURCES...): fuzz_NAME.
function(frl_fuzzer name)
	add_executable(fuzz_${name} ${ARGN})
	target_include_directories(fuzz_${name} PRIVATE ${f}
		${CMAKE_SOURCE_DIR}/core ${p} ${t} ${t}/plugins ${t}/flow
		${t}/net)
	target_compile_definitions(fuzz_${name} PRIVATE
		FRL_BUILD_DIR="${CMAKE_BINARY_DIR}")
	target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
	target_link_libraries(fuzz_${name} PRIVATE frl_flags ${frl_below})
	# Modules find the run-time library of the sanitizers in it.
	set_target_properties(fuzz_${name} PROPERTIES ENABLE_EXPORTS ON
		RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/fuzz)
	add_dependencies(fuzzers fuzz_${name})
endfunction()

# frl_fuzz_plugin(NAME): the target `inspector`, with plugins/NAME inside.
function(frl_fuzz_plugin name)
	file(GLOB sources CONFIGURE_DEPENDS ${p}/${name}/*.c)
	frl_fuzzer(${name} ${f}/fuzz_inspector.c ${f}/play.c ${f}/acts.c
		${f}/second.c ${t}/plugins/fake_host.c ${sources})
	target_compile_definitions(fuzz_${name} PRIVATE FUZZ_INSIDE=1)
	target_link_libraries(fuzz_${name} PRIVATE
		${frl_plugin_libs_${name}})
endfunction()

foreach(name target head parent proxy_header)
	frl_fuzzer(${name} ${f}/fuzz_${name}.c)
endforeach()
frl_fuzzer(body ${f}/fuzz_body.c ${f}/second.c ${p}/http/message.c)
target_link_libraries(fuzz_body PRIVATE frl_llhttp)
frl_fuzzer(upgrade ${f}/fuzz_upgrade.c ${p}/http/upgrade.c ${p}/http/lists.c
	${p}/http/rewrite.c ${p}/websocket/handshake.c)
target_link_libraries(fuzz_upgrade PRIVATE PkgConfig::CRYPTO)
frl_fuzzer(line ${f}/fuzz_line.c)
add_dependencies(fuzzers plugin_http plugin_websocket plugin_raw)

foreach(name http websocket raw)
	frl_fuzz_plugin(${name})
endforeach()
frl_fuzzer(inspector ${f}/fuzz_inspector.c ${f}/play.c ${f}/acts.c
	${f}/second.c ${t}/plugins/fake_host.c)
add_dependencies(fuzzers examples_budget)
frl_fuzzer(config ${f}/fuzz_config.c)
target_link_options(fuzz_config PRIVATE -Wl,--wrap=plugin_open)
frl_fuzzer(dns ${f}/fuzz_dns.c)
frl_fuzzer(chain ${f}/fuzz_chain.c ${f}/scene.c ${f}/acts.c)
frl_modules(tests/inspectors ${CMAKE_BINARY_DIR}/tests/inspectors)
add_dependencies(fuzzers tests_inspectors_pedantic tests_inspectors_fragment)
