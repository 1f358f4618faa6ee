#pragma once
/// LEVIN_API marks what the shared libraries export; everything else is hidden.
#define LEVIN_API __attribute__((visibility("default")))
