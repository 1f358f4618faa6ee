# Finds LibTorch: LibTorch::LibTorch, LibTorch_VERSION, LibTorch_PREFIX. The CPU half only: torch_cpu and c10.
#
# A prefix is the folder with include/ and lib/. Taken is the first of these that is new enough; an older one is skipped
# with a line that says so:
#   1. -DLIBTORCH=<prefix>, else the environment's LIBTORCH; it is an error if no LibTorch is there
#   2. LibTorch_DEFAULT_PREFIX: what an installed levin was built with
#   3. the `torch` package in .venv of the checkout, unless scripts/setup was interrupted while it made that folder
#   4. the `torch` package of `python3`
# TorchConfig.cmake is not used: the wheel's one demands a CUDA toolkit even for a CPU build.
#
# `cmake -P cmake/FindLibTorch.cmake` prints the prefix, or nothing.
set(_levin_oldest_torch 2.11)

# The version of the LibTorch at `prefix`, empty if there is none. Before 2.10 it stood in another header.
function(_levin_torch_version prefix out)
  set(version "")
  foreach(header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
    if(NOT version AND EXISTS ${prefix}/include/${header})
      file(STRINGS ${prefix}/include/${header} lines REGEX "define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
      foreach(line ${lines})
        string(REGEX REPLACE ".* ([0-9]+).*" "\\1" part "${line}")
        list(APPEND version ${part})
      endforeach()
    endif()
  endforeach()
  string(REPLACE ";" "." version "${version}")
  set(${out} "${version}" PARENT_SCOPE)
endfunction()

# Sets `out` to `prefix` if that is a LibTorch new enough, and says why not if there is an older one.
function(_levin_try_torch prefix out)
  _levin_torch_version("${prefix}" version)
  if(version AND version VERSION_LESS _levin_oldest_torch)
    message(NOTICE "LibTorch: skipped ${prefix}: it is ${version}, older than ${_levin_oldest_torch}")
  elseif(version)
    set(${out} "${prefix}" PARENT_SCOPE)
  endif()
endfunction()

function(_levin_torch_of_venv venv out)
  set(contents "torch, put there by hand")
  if(EXISTS ${venv}/levin-setup)
    file(READ ${venv}/levin-setup contents)
  endif()
  file(GLOB folders ${venv}/lib/python3*/site-packages/torch)
  if(folders AND contents MATCHES "torch")
    list(GET folders 0 folder)
    set(${out} "${folder}" PARENT_SCOPE)
  endif()
endfunction()

function(_levin_torch_of_python out)
  execute_process(
    COMMAND python3 -c "import importlib.util as u; s = u.find_spec('torch'); print(*s.submodule_search_locations)"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
  if(NOT failed)
    set(${out} "${folder}" PARENT_SCOPE)
  endif()
endfunction()

function(_levin_find_torch out)
  set(given "${LIBTORCH}")
  if(NOT given)
    set(given "$ENV{LIBTORCH}")
  endif()
  set(prefix "")
  if(given)
    get_filename_component(given "${given}" ABSOLUTE)
    _levin_torch_version("${given}" version)
    if(NOT version)
      message(FATAL_ERROR "LIBTORCH=${given}: no LibTorch there. Give the folder with its include/ and lib/, "
                          "or leave LIBTORCH unset.")
    endif()
    _levin_try_torch("${given}" prefix)
  endif()
  if(NOT prefix AND LibTorch_DEFAULT_PREFIX)
    _levin_try_torch("${LibTorch_DEFAULT_PREFIX}" prefix)
  endif()
  if(NOT prefix)
    _levin_torch_of_venv(${CMAKE_CURRENT_FUNCTION_LIST_DIR}/../.venv folder)
    if(folder)
      get_filename_component(folder "${folder}" ABSOLUTE)
      _levin_try_torch("${folder}" prefix)
    endif()
  endif()
  if(NOT prefix)
    set(folder "")
    _levin_torch_of_python(folder)
    if(folder)
      _levin_try_torch("${folder}" prefix)
    endif()
  endif()
  set(${out} "${prefix}" PARENT_SCOPE)
endfunction()

_levin_find_torch(_levin_prefix)
if(CMAKE_SCRIPT_MODE_FILE)
  execute_process(COMMAND ${CMAKE_COMMAND} -E echo "${_levin_prefix}")
  return()
endif()

include(FindPackageHandleStandardArgs)
if(NOT LibTorch_PREFIX STREQUAL _levin_prefix)
  unset(LibTorch_CPU_LIBRARY CACHE)
  unset(LibTorch_C10_LIBRARY CACHE)
endif()
set(LibTorch_PREFIX "${_levin_prefix}" CACHE INTERNAL "The LibTorch that was found")
if(LibTorch_PREFIX)
  _levin_torch_version("${LibTorch_PREFIX}" LibTorch_VERSION)
  find_library(LibTorch_CPU_LIBRARY torch_cpu PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH)
  find_library(LibTorch_C10_LIBRARY c10 PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH)
  mark_as_advanced(LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY)
endif()
find_package_handle_standard_args(LibTorch
  REQUIRED_VARS LibTorch_PREFIX LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY
  VERSION_VAR LibTorch_VERSION
  HANDLE_VERSION_RANGE
  REASON_FAILURE_MESSAGE
    "run scripts/setup, or give -DLIBTORCH=<folder with include/ and lib/> of LibTorch 2.11 or newer")

if(LibTorch_FOUND AND NOT TARGET LibTorch::LibTorch)
  add_library(LibTorch::c10 SHARED IMPORTED)
  set_target_properties(LibTorch::c10 PROPERTIES IMPORTED_LOCATION ${LibTorch_C10_LIBRARY})
  add_library(LibTorch::LibTorch SHARED IMPORTED)
  set_target_properties(LibTorch::LibTorch PROPERTIES
    IMPORTED_LOCATION ${LibTorch_CPU_LIBRARY}
    INTERFACE_INCLUDE_DIRECTORIES "${LibTorch_PREFIX}/include;${LibTorch_PREFIX}/include/torch/csrc/api/include"
    INTERFACE_COMPILE_DEFINITIONS "_GLIBCXX_USE_CXX11_ABI=1"
    INTERFACE_LINK_LIBRARIES LibTorch::c10
    # torch_cpu names CUDA's runtime and profiler libraries; its own RPATH finds them beside it, the linker need not.
    INTERFACE_LINK_OPTIONS "LINKER:--allow-shlib-undefined")
endif()
