# Every library that winnow stands on. Each is confined to its room's sources; see docs/architecture.md.
find_package(Threads REQUIRED)
find_package(OpenSSL 3 REQUIRED)
find_package(Boost 1.81 REQUIRED)
find_package(Protobuf REQUIRED)
find_package(RocksDB REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp REQUIRED COMPONENTS core)
find_package(ZLIB REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(CARES REQUIRED IMPORTED_TARGET libcares)
pkg_check_modules(GLIB REQUIRED IMPORTED_TARGET glib-2.0)
pkg_check_modules(IDN2 REQUIRED IMPORTED_TARGET libidn2)
pkg_check_modules(PSL REQUIRED IMPORTED_TARGET libpsl)
pkg_check_modules(GMIME REQUIRED IMPORTED_TARGET gmime-3.0)
pkg_check_modules(RE2 REQUIRED IMPORTED_TARGET re2)

# Asio, Asio-SSL and Beast are compiled once here; a source that only awaits includes asio/awaitable.hpp.
add_library(winnow_asio STATIC "${CMAKE_SOURCE_DIR}/cmake/asio_impl.cpp")
target_compile_definitions(winnow_asio PUBLIC
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
# As GLib asks for by itself: with the flag in some sources only, none of the others could share a precompiled header.
target_compile_options(winnow_asio PUBLIC -pthread)
target_link_libraries(winnow_asio PUBLIC Boost::headers OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
