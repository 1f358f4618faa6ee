# levin_add_executable(NAME sources... [NO_PCH]): a program linked with levin::levin.
#
# LEVIN_PCH precompiles <torch/torch.h> and <levin/levin.h> for it, unless NO_PCH is given. Off by default: the
# precompiled header takes longer to make than three files to compile without it, so it pays for programs of more.
option(LEVIN_PCH "levin_add_executable precompiles torch/torch.h and levin/levin.h" OFF)

function(levin_add_executable name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "NO_PCH" "" "")
  add_executable(${name} ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE levin::levin)
  if(LEVIN_PCH AND NOT arg_NO_PCH)
    target_precompile_headers(${name} PRIVATE <torch/torch.h> <levin/levin.h>)
  endif()
endfunction()
