# Finds the CUDA half of the LibTorch that FindLibTorch has found, and headers to compile with it: target LibTorch::Cuda.
#
# No CUDA toolkit is needed, headers are enough. They are taken from the first of these places that has all of them, each filled up from a CUDA
# toolkit ($CUDA_HOME, /usr/local/cuda, nvcc's own) where it lacks some:
#   1. -DCUDA_HEADERS=<folder;...>, an error if something is missing there
#   2. NVIDIA's wheels beside LibTorch: scripts/setup --cuda
#   3. those of the checkout's .venv-interop: scripts/setup --interop
# A LibTorch without CUDA, or no headers: not found, and LibTorchCuda_WHY says what is missing.
set(_levin_cuda_headers cuda_runtime_api.h cublas_v2.h cusparse.h cusolverDn.h nccl.h crt/host_defines.h nv/target)

# Those of the folders that hold one of the headers; empty unless they hold all.
function(_levin_cuda_folders out)
  set(found "")
  foreach(header ${_levin_cuda_headers})
    set(place "")
    foreach(folder ${ARGN})
      if(NOT place AND EXISTS ${folder}/${header})
        set(place ${folder})
      endif()
    endforeach()
    if(NOT place)
      set(${out} "" PARENT_SCOPE)
      return()
    endif()
    list(APPEND found ${place})
  endforeach()
  list(REMOVE_DUPLICATES found)
  set(${out} "${found}" PARENT_SCOPE)
endfunction()

set(LibTorchCuda_WHY "")
set(LibTorchCuda_INCLUDE_DIRS "")
find_library(LibTorchCuda_TORCH torch_cuda PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH NO_CACHE)
find_library(LibTorchCuda_C10 c10_cuda PATHS ${LibTorch_PREFIX}/lib NO_DEFAULT_PATH NO_CACHE)
if(NOT LibTorchCuda_TORCH OR NOT LibTorchCuda_C10)
  set(LibTorchCuda_WHY "this LibTorch has no libtorch_cuda.so")
elseif(CUDA_HEADERS)
  _levin_cuda_folders(LibTorchCuda_INCLUDE_DIRS ${CUDA_HEADERS})
  if(NOT LibTorchCuda_INCLUDE_DIRS)
    message(FATAL_ERROR "CUDA_HEADERS=${CUDA_HEADERS}: not all of ${_levin_cuda_headers} are there")
  endif()
else()
  set(_levin_toolkit "")
  find_program(_levin_nvcc nvcc NO_CACHE)
  if(_levin_nvcc)
    get_filename_component(_levin_nvcc "${_levin_nvcc}" REALPATH)
    get_filename_component(_levin_nvcc "${_levin_nvcc}/../.." ABSOLUTE)
  endif()
  foreach(place "$ENV{CUDA_HOME}" /usr/local/cuda "${_levin_nvcc}")
    if(place)
      list(APPEND _levin_toolkit ${place}/include ${place}/include/cccl)
    endif()
  endforeach()
  set(_levin_interop_folder ${CMAKE_CURRENT_LIST_DIR}/../.venv-interop/lib/python*/site-packages)
  foreach(place ${LibTorch_PREFIX}/.. ${_levin_interop_folder})
    if(NOT LibTorchCuda_INCLUDE_DIRS)
      file(GLOB _levin_wheels ${place}/nvidia/*/include ${place}/nvidia/*/include/cccl)
      _levin_cuda_folders(LibTorchCuda_INCLUDE_DIRS ${_levin_wheels} ${_levin_toolkit})
    endif()
  endforeach()
  if(NOT LibTorchCuda_INCLUDE_DIRS)
    set(LibTorchCuda_WHY "NVIDIA's headers are missing; scripts/setup --cuda installs them, -DCUDA_HEADERS=<folders> names them")
  endif()
endif()

if(LibTorchCuda_INCLUDE_DIRS)
  set(LibTorchCuda_FOUND TRUE)
  if(NOT TARGET LibTorch::Cuda)
    add_library(LibTorch::c10_cuda SHARED IMPORTED)
    set_target_properties(LibTorch::c10_cuda PROPERTIES IMPORTED_LOCATION ${LibTorchCuda_C10})
    add_library(LibTorch::Cuda SHARED IMPORTED)
    set_target_properties(LibTorch::Cuda PROPERTIES
      IMPORTED_LOCATION ${LibTorchCuda_TORCH}
      INTERFACE_INCLUDE_DIRECTORIES "${LibTorchCuda_INCLUDE_DIRS}"
      INTERFACE_COMPILE_DEFINITIONS "USE_DISTRIBUTED;USE_C10D_NCCL"
      INTERFACE_LINK_LIBRARIES "LibTorch::LibTorch;LibTorch::c10_cuda")
  endif()
else()
  set(LibTorchCuda_FOUND FALSE)
endif()
