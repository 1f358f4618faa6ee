# find_package(levin) from the build tree (levin_DIR=build) and from an install: targets levin::levin and levin::base,
# function levin_add_executable. LibTorch is found as here, by default where this build found it.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
include(LevinAddExecutable)

set(levin_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/levin)
set(levin_modules ${PROJECT_SOURCE_DIR}/cmake/FindLibTorch.cmake ${PROJECT_SOURCE_DIR}/cmake/LevinAddExecutable.cmake)

# LibTorch keeps its binary interface within a minor version.
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)" _ ${LibTorch_VERSION})
math(EXPR levin_next_minor "${CMAKE_MATCH_2} + 1")
set(levin_torch_range ${CMAKE_MATCH_0}...<${CMAKE_MATCH_1}.${levin_next_minor})

set(levin_module_dir ${PROJECT_SOURCE_DIR}/cmake)
configure_file(cmake/levin-config.cmake.in ${PROJECT_BINARY_DIR}/levin-config.cmake @ONLY)
set(levin_module_dir "\${CMAKE_CURRENT_LIST_DIR}")
configure_file(cmake/levin-config.cmake.in ${PROJECT_BINARY_DIR}/install/levin-config.cmake @ONLY)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/levin-config-version.cmake COMPATIBILITY SameMinorVersion)

install(TARGETS levin_base levin EXPORT levin-targets LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
        INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
export(EXPORT levin-targets NAMESPACE levin:: FILE ${PROJECT_BINARY_DIR}/levin-targets.cmake)
install(EXPORT levin-targets NAMESPACE levin:: DESTINATION ${levin_package_dir})
install(FILES ${levin_modules} ${PROJECT_BINARY_DIR}/install/levin-config.cmake
              ${PROJECT_BINARY_DIR}/levin-config-version.cmake
        DESTINATION ${levin_package_dir})

foreach(folder framework callbacks loggers)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${folder} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/levin
          FILES_MATCHING PATTERN "*.h")
endforeach()
install(DIRECTORY ${PROJECT_BINARY_DIR}/generated/levin DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS levin_run RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
if(TARGET levin_app)
  install(TARGETS levin_app RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
