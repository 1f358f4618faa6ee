# levin_add_executable(NAME sources... [PCH]): a program linked with levin::levin that finds its libraries where it was
# built and where it is installed.
#
# PCH precompiles <torch/torch.h> and <levin/levin.h>. That takes longer than three files do without it, so it pays for
# programs of more, and when the same files are compiled again and again.
function(levin_add_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "PCH" "" "")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE levin::levin)
  set_target_properties(${name} PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
  if(arg_PCH)
    target_precompile_headers(${name} PRIVATE <torch/torch.h> <levin/levin.h>)
  endif()
endfunction()
