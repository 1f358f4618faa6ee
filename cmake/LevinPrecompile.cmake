# levin_precompile(TARGET <header>...): the target's files begin with these headers, precompiled: LibTorch's take 8 s a file otherwise.
# A file still includes what it uses, and builds with -DLEVIN_PCH=OFF too. ccache can keep such objects with
# CCACHE_SLOPPINESS=pch_defines,time_macros (scripts/build sets it) and -fpch-preprocess.
function(levin_precompile target)
  target_precompile_headers(${target} PRIVATE ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
    target_compile_options(${target} PRIVATE -fpch-preprocess)
  endif()
endfunction()
