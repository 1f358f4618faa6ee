# levin_add_executable(NAME sources... [PCH]): a program linked with levin::levin that finds its libraries where it was
# built and where it is installed.
#
# PCH precompiles <torch/torch.h> and <levin/levin.h>. That takes longer than three files do without it, so it pays for
# programs of more, and when the same files are compiled again and again.
#
# Two of GCC's defaults cost a file with LibTorch's headers a quarter of its time, so they are others here. Options given later win:
# target_compile_options(NAME PRIVATE -fdevirtualize).
# - Where a virtual function is called, and the release of any shared_ptr calls one, GCC takes up all overriders it has seen, those
#   of each of LibTorch's layers too, and then emits next to none of them. Without, README's program has a quarter of the functions.
# - It collects garbage from 128 MB on, again and again while it reads the headers. From 512 MB on, it needs 100 MB more at its peak.
function(levin_add_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PCH" "" "")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE levin::levin)
  target_compile_options(${name} PRIVATE
    "$<$<COMPILE_LANG_AND_ID:CXX,GNU>:-fno-devirtualize;--param=ggc-min-heapsize=524288>")
  set_target_properties(${name} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  if(arg_PCH)
    target_precompile_headers(${name} PRIVATE <torch/torch.h> <levin/levin.h>)
  endif()
endfunction()
