#pragma once
// The only file that knows which Catch2 this is: v2 (Debian 12) or v3.
//
// LibTorch's logging defines CHECK too, and would take the place of Catch2's if it came later: it comes first.
#if __has_include(<c10/util/Logging.h>)
#include <c10/util/Logging.h>
#undef CHECK
#endif
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
#else
#include <catch2/catch.hpp>
#endif
