# SPDX-License-Identifier: MIT
#
# The libraries of others. libev and wslay have no .pc file, node-llhttp is
# only sources; each becomes a target frl_<name>.

find_package(PkgConfig REQUIRED)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(YAML REQUIRED IMPORTED_TARGET yaml-0.1)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)

# frl_find(NAME HEADER LIBRARY): a library without a .pc file.
function(frl_find name header library)
	find_path(${name}_INCLUDE ${header} REQUIRED)
	find_library(${name}_LIBRARY ${library} REQUIRED)
	add_library(frl_${name} INTERFACE)
	target_include_directories(frl_${name} SYSTEM INTERFACE
		${${name}_INCLUDE})
	target_link_libraries(frl_${name} INTERFACE ${${name}_LIBRARY})
endfunction()

frl_find(ev ev.h ev)
frl_find(wslay wslay/wslay.h wslay)

pkg_check_modules(LLHTTP IMPORTED_TARGET libllhttp)
if(LLHTTP_FOUND)
	add_library(frl_llhttp ALIAS PkgConfig::LLHTTP)
else()
	# Debian 12: sources only. The default of 8.x is the loose parser,
	# so strict mode is asked for. Not our code: no warnings for it.
	set(llhttp_dir /usr/share/llhttp)
	if(NOT EXISTS ${llhttp_dir}/llhttp.c)
		message(FATAL_ERROR "llhttp: neither a libllhttp.pc nor "
			"${llhttp_dir} (Debian: node-llhttp) is there")
	endif()
	add_library(frl_llhttp STATIC ${llhttp_dir}/api.c
		${llhttp_dir}/http.c ${llhttp_dir}/llhttp.c)
	target_compile_options(frl_llhttp PRIVATE -w)
	target_compile_definitions(frl_llhttp PRIVATE LLHTTP_STRICT_MODE=1)
	target_include_directories(frl_llhttp SYSTEM PUBLIC
		/usr/share/include /usr/share/include/llhttp)
endif()
