# levin_warnings(TARGET): the project's warnings; errors with LEVIN_WERROR (the dev preset).
function(levin_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
                                           -Wno-missing-field-initializers)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)  # "x" + std::string: gcc 12's false alarms (bug 105651)
  endif()
  if(LEVIN_WERROR)
    target_compile_options(${target} PRIVATE -Werror)
  endif()
endfunction()
