# levin_warnings(TARGET): the project's warnings; errors with LEVIN_WERROR (the dev preset).
function(levin_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wno-missing-field-initializers)
  if(LEVIN_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
