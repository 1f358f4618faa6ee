#pragma once
// The only file that knows which Catch2 this is: v2 (Debian 12) or v3.
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
