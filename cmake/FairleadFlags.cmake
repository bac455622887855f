# SPDX-License-Identifier: MIT
#
# What every file of ours is compiled with. Asserts stay in release builds:
# they guard us against ourselves, never against a peer.

set(CMAKE_C_STANDARD 11)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
if(NOT CMAKE_BUILD_TYPE)
	set(CMAKE_BUILD_TYPE Release)
endif()
set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
set(CMAKE_C_FLAGS_DEBUG "-Og -g")
set(CMAKE_C_FLAGS_FUZZ "-O1 -gline-tables-only")
# A release is optimized as a whole unless somebody says otherwise: a few
# percent of the instructions for a second of building.
if(CMAKE_BUILD_TYPE STREQUAL "Release" AND
		NOT DEFINED CMAKE_INTERPROCEDURAL_OPTIMIZATION)
	include(CheckIPOSupported)
	check_ipo_supported(RESULT frl_ipo OUTPUT frl_ipo_why LANGUAGES C)
	set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ${frl_ipo})
endif()

add_library(frl_flags INTERFACE)
target_compile_definitions(frl_flags INTERFACE _GNU_SOURCE)
target_compile_options(frl_flags INTERFACE -Wall -Wextra -Wconversion
	-Wshadow -fno-strict-aliasing -fstack-protector-strong)
if(FRL_WERROR)
	target_compile_options(frl_flags INTERFACE -Werror)
endif()
target_include_directories(frl_flags INTERFACE
	${CMAKE_SOURCE_DIR}/include)
target_link_options(frl_flags INTERFACE -Wl,-z,relro -Wl,-z,now
	-Wl,--as-needed)

# A plugin may use nothing but what it links: no symbol of the program.
# Under ASan its run-time library lives in the program, so the linker
# cannot promise that.
add_library(frl_closed INTERFACE)
if(FRL_SANITIZE)
	add_compile_definitions(FRL_SANITIZE)
	add_compile_options(-fsanitize=address,undefined
		-fno-sanitize-recover=all -fno-omit-frame-pointer)
	add_link_options(-fsanitize=address,undefined)
else()
	target_link_options(frl_closed INTERFACE -Wl,-z,defs)
endif()

# Everything is instrumented for the fuzzer, libraries of others that are
# compiled here included; or, to see what it reaches, for llvm-cov.
if(FRL_FUZZ AND CMAKE_BUILD_TYPE STREQUAL "Fuzz")
	add_compile_options(-fsanitize=fuzzer-no-link)
elseif(FRL_FUZZ)
	add_compile_options(-fprofile-instr-generate -fcoverage-mapping)
	add_link_options(-fprofile-instr-generate)
endif()
