# winnow_room(NAME SOURCES a.cpp ... [LINKS winnow::core ...] [PRIVATE_LINKS PkgConfig::CARES ...])
#   A room is a static library winnow_NAME (alias winnow::NAME) with the shared warnings; includes are written from
#   the project root. LINKS are rooms that its headers use, PRIVATE_LINKS are libraries that only its sources see.
function(winnow_room name)
  cmake_parse_arguments(ROOM "" "" "SOURCES;LINKS;PRIVATE_LINKS" ${ARGN})
  add_library(winnow_${name} STATIC ${ROOM_SOURCES})
  add_library(winnow::${name} ALIAS winnow_${name})
  target_include_directories(winnow_${name} PUBLIC "${CMAKE_SOURCE_DIR}")
  target_link_libraries(winnow_${name} PUBLIC winnow_asio ${ROOM_LINKS} PRIVATE winnow_flags ${ROOM_PRIVATE_LINKS})
endfunction()

# winnow_test(NAME SOURCES a_test.cpp ... LINKS winnow::core ... [LABEL unit])
#   One GoogleTest program NAME_tests per room, registered with CTest under NAME and the label (default: unit).
function(winnow_test name)
  cmake_parse_arguments(T "" "LABEL;TIMEOUT" "SOURCES;LINKS" ${ARGN})
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
  add_test(NAME ${name} COMMAND ${name}_tests WORKING_DIRECTORY "${CMAKE_SOURCE_DIR}")
  set_tests_properties(${name} PROPERTIES LABELS ${T_LABEL} TIMEOUT ${T_TIMEOUT})
endfunction()
