# Language level, warnings, hardening and sanitizers for every target of the project.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Debug CACHE STRING "" FORCE)
endif()

option(WINNOW_HARDEN "PIE, full RELRO, stack protector, _FORTIFY_SOURCE, no executable stack" OFF)
option(WINNOW_SANITIZE "AddressSanitizer and UndefinedBehaviorSanitizer" OFF)
option(WINNOW_FUZZ "libFuzzer programs in tests/fuzz, with the sanitizers; a tree for the target `fuzzers` only" OFF)

find_program(WINNOW_CCACHE ccache)
if(WINNOW_CCACHE)
  # Without this word ccache takes no source that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND};-E;env;CCACHE_SLOPPINESS=pch_defines,time_macros;${WINNOW_CCACHE}")
  set(CMAKE_C_COMPILER_LAUNCHER "${WINNOW_CCACHE}")
endif()

find_program(WINNOW_MOLD mold)
if(WINNOW_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# Line tables are enough for backtraces and halve the size of the objects; variables can be had with -g2.
string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_DEBUG "${CMAKE_CXX_FLAGS_DEBUG}")
string(REPLACE "-g" "-g1" CMAKE_CXX_FLAGS_RELWITHDEBINFO "${CMAKE_CXX_FLAGS_RELWITHDEBINFO}")

# The compiler's own garbage collector takes a tenth of the time where there is no need: few sources reach this size (KiB).
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(--param=ggc-min-heapsize=262144)
endif()

add_library(winnow_flags INTERFACE)
target_compile_options(winnow_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Woverloaded-virtual -Wcast-qual -Wformat=2 -Werror
  # g++ 12 reports these inside libstdc++ and coroutine frames where there is nothing wrong (GCC bugs 105329, 105562, 109224).
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict -Wno-maybe-uninitialized -Wno-dangling-pointer
    -Wno-mismatched-new-delete>)

if(WINNOW_HARDEN)
  target_compile_options(winnow_flags INTERFACE -fstack-protector-strong -fstack-clash-protection -fcf-protection)
  target_compile_definitions(winnow_flags INTERFACE _FORTIFY_SOURCE=2 _GLIBCXX_ASSERTIONS)
  add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
  include(CheckPIESupported)
  check_pie_supported()
endif()

if(WINNOW_SANITIZE OR WINNOW_FUZZ)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
endif()

if(WINNOW_FUZZ)
  add_compile_options(-fsanitize-coverage=trace-pc,trace-cmp)
endif()
