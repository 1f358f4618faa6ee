# Filled in below: find_package(levin) from the build tree and from an install.
