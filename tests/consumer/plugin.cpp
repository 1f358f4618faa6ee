// A shared library with one more callback for `--plugin`.
#include <levin/levin.h>

#include <cstdio>

struct GreeterOptions {
  std::string greeting = "hello";
};
template <class V>
void fields(V&& f, GreeterOptions& o) {
  f("greeting", o.greeting, "what is said when training starts");
}

class Greeter final : public levin::Callback {
 public:
  using Options = GreeterOptions;
  explicit Greeter(Options options = {}) : options_(std::move(options)) {}
  void on_train_start(levin::Trainer&, levin::LightningModule&) override { std::printf("Greeter: %s\n", options_.greeting.c_str()); }

 private:
  Options options_;
};
LEVIN_REGISTER(Greeter);
