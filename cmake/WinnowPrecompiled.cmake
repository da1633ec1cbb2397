# The library headers that most sources read anyway, parsed once per tree: a quarter off a clean Debug build. Headers of ours
# are never among them (an edit would rebuild everything), nor those that stay behind one room's sources. Not in optimised
# trees: there the optimiser takes the time, and g++ 12 no longer knows a precompiled header's functions for the system's, so
# that its false reports about std::string (GCC bug 105329) become errors.
set(precompile OFF)
if(CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT WINNOW_FUZZ)
  set(precompile ON)
endif()
option(WINNOW_PRECOMPILE "Parse the headers of the libraries once per tree" ${precompile})

set(winnow_room_headers
  <algorithm> <array> <charconv> <chrono> <cstdint> <deque> <filesystem> <fstream> <functional> <map> <memory> <mutex>
  <optional> <set> <span> <string> <string_view> <unordered_map> <utility> <variant> <vector>
  <boost/asio/any_io_executor.hpp> <boost/asio/awaitable.hpp> <boost/asio/co_spawn.hpp> <boost/asio/error.hpp>
  <boost/asio/io_context.hpp> <boost/asio/ip/address.hpp> <boost/asio/post.hpp> <boost/asio/steady_timer.hpp>
  <boost/asio/this_coro.hpp> <boost/asio/use_awaitable.hpp>)
# Not JSON and RapidCheck: what their inline functions use is instantiated again in each source that has them precompiled,
# 0.6 s of CPU, and five of six test sources need neither.
set(winnow_test_headers ${winnow_room_headers}
  <boost/asio/detached.hpp> <gmock/gmock.h> <gtest/gtest.h>)

# One for the rooms, which are position independent libraries, and one for the test programs, which are executables: g++
# takes a precompiled header only with the flags that made it.
function(_winnow_precompiled name headers)
  set(source "${CMAKE_BINARY_DIR}/${name}.cpp")
  file(GENERATE OUTPUT "${source}" CONTENT "")
  add_library(${name} OBJECT "${source}")
  target_link_libraries(${name} PRIVATE winnow_flags winnow_asio ${ARGN})
  target_precompile_headers(${name} PRIVATE ${headers})
endfunction()

if(WINNOW_PRECOMPILE)
  _winnow_precompiled(winnow_room_pch "${winnow_room_headers}")
endif()

# winnow_precompiled(TARGET room|test)
function(winnow_precompiled target kind)
  if(WINNOW_PRECOMPILE)
    if(kind STREQUAL "test" AND NOT TARGET winnow_test_pch)
      _winnow_precompiled(winnow_test_pch "${winnow_test_headers}" GTest::gmock GTest::gtest rapidcheck_gtest)
      set_target_properties(winnow_test_pch PROPERTIES POSITION_INDEPENDENT_CODE OFF)
      target_compile_options(winnow_test_pch PRIVATE -fPIE)
    endif()
    target_precompile_headers(${target} REUSE_FROM winnow_${kind}_pch)
  endif()
endfunction()
