#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace levin {

/// Mixes a 64-bit number so that neighbouring inputs give unrelated outputs (splitmix64's finalizer, Steele et al. 2014).
constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A small random generator for data: xoshiro256** (Blackman and Vigna, 2018), 32 bytes, cheap to make.
///
/// Datasets get one per sample, seeded from (seed, epoch, index): what a sample looks like never depends on which worker thread
/// made it, how many there are, or where a run was resumed. It satisfies UniformRandomBitGenerator.
class Generator {
 public:
  using result_type = std::uint64_t;
  explicit constexpr Generator(std::uint64_t seed = 0) {
    for (auto& word : state_) word = seed = mix_bits(seed);
  }
  /// The generator of one stream: seeded from `seed` and two coordinates, such as epoch and sample index.
  constexpr Generator(std::uint64_t seed, std::uint64_t epoch, std::uint64_t index)
      : Generator(mix_bits(mix_bits(mix_bits(seed) ^ epoch) ^ index)) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return ~0ULL; }
  constexpr result_type operator()() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9, t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  /// An integer in [0, n), without bias (Lemire 2019). n > 0.
  constexpr std::uint64_t below(std::uint64_t n) {
    auto product = static_cast<unsigned __int128>((*this)()) * n;
    if (static_cast<std::uint64_t>(product) < n) {
      const std::uint64_t threshold = -n % n;
      while (static_cast<std::uint64_t>(product) < threshold) product = static_cast<unsigned __int128>((*this)()) * n;
    }
    return static_cast<std::uint64_t>(product >> 64);
  }
  /// A double in [0, 1) with 53 random bits.
  constexpr double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  /// A standard normal number (Box and Muller 1958).
  double normal() {
    const double u = 1.0 - uniform(), v = uniform();
    return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
  }

 private:
  std::uint64_t state_[4];
};

}  // namespace levin
