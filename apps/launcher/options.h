#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace levin::launcher {

/// Which of a rank's streams: one value for all ranks, or one per local rank ("3", "0:1,1:2").
class Streams {
 public:
  enum : int { none = 0, out = 1, err = 2, all = 3 };
  /// ValueError if the text is neither form. `flag` is named in the error.
  static Streams parse(const std::string& text, const std::string& flag);
  int of(int local_rank) const;

 private:
  int every_ = none;
  std::map<int, int> some_;
};

/// "host:port", "[::1]:port" or "host".
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
  static Endpoint parse(const std::string& text, std::uint16_t default_port);
};

/// The command line, checked. Names and defaults are torchrun's; those of our own come last.
struct Options {
  int min_nodes = 1, max_nodes = 1;
  int nproc_per_node = 1;
  std::string rdzv_backend = "static";
  Endpoint rdzv_endpoint;
  std::string rdzv_id = "none";
  std::map<std::string, std::string> rdzv_conf;
  bool standalone = false;
  int max_restarts = 0;
  double monitor_interval = 0.1;
  std::string role = "default";
  bool module = false, no_python = false, run_path = false;
  std::string log_dir;
  Streams redirects, tee;
  std::set<int> local_ranks_filter;  ///< empty: all
  std::vector<std::string> duplicate_stdout_filters, duplicate_stderr_filters;
  int node_rank = 0;
  std::string local_addr;
  std::string signal_names = "SIGTERM,SIGINT,SIGHUP,SIGQUIT";
  std::vector<int> signals_to_handle;
  bool virtual_local_rank = false;
  std::vector<std::string> command;  ///< program and arguments

  double grace = 5;              ///< seconds from SIGTERM to SIGKILL
  double hang_timeout = 0;       ///< seconds of silence that are a hang; 0: never
  double restart_delay = 1;      ///< seconds before the second restart; doubles with each, at most 60
  int crash_loop_limit = 2;      ///< attempts in a row without a new checkpoint that end the job; 0: any number

  /// A number of `rdzv_conf` in seconds.
  double conf(const std::string& key, double otherwise) const;
  bool is_static() const { return rdzv_backend == "static"; }
  bool is_one_node() const { return max_nodes == 1; }
};

/// Reads the command line. Nothing if `--help` or an error was printed; `exit_code` says which.
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace levin::launcher
