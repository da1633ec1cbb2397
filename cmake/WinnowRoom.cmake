# winnow_room(NAME SOURCES a.cpp ... [LINKS winnow::core ...] [PRIVATE_LINKS PkgConfig::CARES ...] [OWN_FLAGS])
#   A room is a static library winnow_NAME (alias winnow::NAME) with the shared warnings; includes are written from
#   the project root. LINKS are rooms that its headers use, PRIVATE_LINKS are libraries that only its sources see.
#   OWN_FLAGS: those libraries bring compiler flags of their own, so that the shared precompiled header does not fit.
function(winnow_room name)
  cmake_parse_arguments(ROOM "OWN_FLAGS" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(winnow_${name} STATIC ${ROOM_SOURCES})
  add_library(winnow::${name} ALIAS winnow_${name})
  target_include_directories(winnow_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(winnow_${name} PUBLIC winnow_asio ${ROOM_LINKS} PRIVATE winnow_flags ${ROOM_PRIVATE_LINKS})
  if(NOT ROOM_OWN_FLAGS)
    winnow_precompiled(winnow_${name} room)
  endif()
endfunction()

# A tree built with sanitizers whose test programs this tree's CTest also runs, as asan/NAME; see scripts/test.
set(WINNOW_SANITIZED_TREE "" CACHE PATH "Build tree of the asan preset")

# winnow_test(NAME SOURCES a_test.cpp ... LINKS winnow::core ... [LABEL unit] [TIMEOUT seconds] [CORPORA])
#   One GoogleTest program NAME_tests per room, registered with CTest under the label (default: unit). With CORPORA its
#   suites with Corpus in their name are a test of their own, labelled corpora, and print one score line each.
function(winnow_test name)
  cmake_parse_arguments(T "CORPORA" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
  if(NOT T_LABEL)
    set(T_LABEL unit)
  endif()
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
  endif()
  add_executable(${name}_tests ${T_SOURCES})
  target_include_directories(${name}_tests PRIVATE "${CMAKE_SOURCE_DIR}")
  target_compile_definitions(${name}_tests PRIVATE
    WINNOW_SOURCE_DIR="${CMAKE_SOURCE_DIR}" WINNOW_DATA_DIR="${CMAKE_SOURCE_DIR}/data")
  target_link_libraries(${name}_tests PRIVATE winnow_flags ${T_LINKS} GTest::gmock GTest::gtest_main)
  winnow_precompiled(${name}_tests test)
  _winnow_register("${name}" "$<TARGET_FILE:${name}_tests>" ${T_LABEL} ${T_TIMEOUT} ${T_CORPORA})
  if(WINNOW_SANITIZED_TREE AND T_LABEL MATCHES "unit")
    file(RELATIVE_PATH here "${CMAKE_BINARY_DIR}" "${CMAKE_CURRENT_BINARY_DIR}")
    math(EXPR slow "${T_TIMEOUT} * 4")
    _winnow_register("asan/${name}" "${WINNOW_SANITIZED_TREE}/${here}/${name}_tests" asan ${slow} ${T_CORPORA})
  endif()
endfunction()

function(_winnow_register name program label timeout corpora)
  add_test(NAME ${name} COMMAND "${program}" "--gtest_filter=-*Corpus*" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT ${timeout})
  if(corpora)
    string(REPLACE "asan/" "asan/corpora/" corpora_name "${name}")
    if(NOT corpora_name MATCHES "/")
      set(corpora_name "corpora/${name}")
    endif()
    set(corpora_label corpora)
    if(label STREQUAL "asan")
      set(corpora_label asan)
    endif()
    add_test(NAME ${corpora_name} COMMAND "${program}" "--gtest_filter=*Corpus*" WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
    # Without the suites' folder no test passes: the summary says "skipped" then, not "passed".
    set_tests_properties(${corpora_name} PROPERTIES LABELS ${corpora_label} TIMEOUT ${timeout}
      SKIP_REGULAR_EXPRESSION "PASSED  . 0 tests")
  endif()
endfunction()
