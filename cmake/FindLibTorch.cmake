# Finds LibTorch: LibTorch::LibTorch, LibTorch_VERSION, LibTorch_PREFIX. The CPU half only: torch_cpu and c10.
#
# Looked for in this order: -DLIBTORCH=<prefix> or the environment's LIBTORCH (the folder with include/ and lib/), the
# `torch` package of the virtual environment that scripts/setup makes (.venv), the `torch` package of `python3`.
# A version below the one asked for is skipped with a line that says so.
# TorchConfig.cmake is not used: the wheel's one demands a CUDA toolkit even for a CPU build.
include(FindPackageHandleStandardArgs)

function(_levin_torch_version prefix out)
  set(version "")
  if(EXISTS ${prefix}/include/torch/headeronly/version.h)
    file(STRINGS ${prefix}/include/torch/headeronly/version.h lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    foreach(line ${lines})
      string(REGEX REPLACE ".* ([0-9]+).*" "\\1" part "${line}")
      list(APPEND version ${part})
    endforeach()
    string(REPLACE ";" "." version "${version}")
  endif()
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

function(_levin_torch_of_python python out)
  execute_process(COMMAND ${python} -c "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
                  OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(folder "")
  endif()
  set(${out} "${folder}" PARENT_SCOPE)
endfunction()

set(_candidates "")
if(LIBTORCH)
  list(APPEND _candidates ${LIBTORCH})
elseif(DEFINED ENV{LIBTORCH} AND NOT "$ENV{LIBTORCH}" STREQUAL "")
  list(APPEND _candidates $ENV{LIBTORCH})
else()
  foreach(_python ${CMAKE_CURRENT_LIST_DIR}/../.venv/bin/python3 python3)
    _levin_torch_of_python(${_python} _folder)
    if(_folder)
      list(APPEND _candidates ${_folder})
    endif()
  endforeach()
endif()

foreach(_prefix ${_candidates})
  _levin_torch_version(${_prefix} _version)
  if(NOT _version)
    message(STATUS "LibTorch: no LibTorch headers under ${_prefix}, skipped")
  elseif(LibTorch_FIND_VERSION AND _version VERSION_LESS LibTorch_FIND_VERSION)
    message(STATUS "LibTorch: ${_prefix} is ${_version}, older than ${LibTorch_FIND_VERSION}, skipped")
  else()
    set(LibTorch_PREFIX ${_prefix})
    set(LibTorch_VERSION ${_version})
    break()
  endif()
endforeach()

if(LibTorch_PREFIX)
  find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH)
  find_library(LibTorch_C10_LIBRARY c10 PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH)
endif()
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_PREFIX LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "run scripts/setup, or give -DLIBTORCH=<folder with include/ and lib/> of LibTorch 2.11 or newer")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_PREFIX}/include;${LibTorch_PREFIX}/include/torch/csrc/api/include"
    INTERFACE_COMPILE_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=1"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    # torch_cpu names CUDA's runtime and profiler libraries; its own RUNPATH finds them, the linker need not.
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endif()
