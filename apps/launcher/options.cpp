#include "levin/apps/launcher/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <random>

#include "levin/apps/launcher/option_values.h"
#include "levin/framework/base/errors.h"
#include "levin/framework/base/fields.h"

namespace levin::launcher {
namespace {

constexpr const char* about =
    "Starts the ranks of a training on one machine or several, as torchrun does: its flags (with - or _ between words), its PET_* "
    "variables as their defaults, its environment and log folders. A Python file runs with python3 (or $PYTHON_EXEC), any other "
    "executable as it is.\n\n"
    "  levin-run --standalone --nproc-per-node=2 ./train --config digits.json\n"
    "  levin-run --nnodes=2 --node-rank=0 --master-addr=10.0.0.1 --nproc-per-node=8 ./train\n"
    "  levin-run --nnodes=1:4 --max-restarts=3 --rdzv-backend=c10d --rdzv-endpoint=10.0.0.1 --rdzv-id=job7 ./train\n";

// The flags as they were written; `checked` makes Options of them.
struct Raw {
  std::string nnodes = "1:1", nproc_per_node = "1", rdzv_backend = "static", rdzv_endpoint, rdzv_id = "none", rdzv_conf;
  std::string max_restarts = "0", monitor_interval = "0.1", start_method = "spawn", event_log_handler = "null", role = "default";
  std::string log_dir, redirects = "0", tee = "0", local_ranks_filter, stdout_filters, stderr_filters;
  std::string node_rank = "0", master_addr = "127.0.0.1", master_port = "29500", local_addr, logs_specs, numa_binding;
  std::string signals = "SIGTERM,SIGINT,SIGHUP,SIGQUIT";
  std::string grace = "5", hang_timeout = "0", restart_delay = "1", crash_loop_limit = "2";
  bool standalone = false, module = false, no_python = false, run_path = false, virtual_local_rank = false;
};

// "max-restarts" -> "--max-restarts,--max_restarts" and PET_MAX_RESTARTS.
class Flags {
 public:
  explicit Flags(CLI::App& app) : app_(app) {}
  void text(const std::string& name, std::string& value, const std::string& help, const std::string& more = "") {
    app_.add_option(more + spellings(name), value, help)->envname(variable(name))->capture_default_str()->type_name("");
  }
  void flag(const std::string& name, bool& value, const std::string& help, const std::string& more = "") {
    app_.add_flag(more + spellings(name), value, help)->envname(variable(name));
  }

 private:
  static std::string spellings(const std::string& name) {
    std::string other = name;
    std::replace(other.begin(), other.end(), '-', '_');
    return other == name ? "--" + name : "--" + name + ",--" + other;
  }
  static std::string variable(std::string name) {
    for (char& c : name) c = c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return "PET_" + name;
  }
  CLI::App& app_;
};

void declare(CLI::App& app, Raw& raw) {
  Flags flags(app);
  flags.text("nnodes", raw.nnodes, "number of nodes, or MIN:MAX");
  flags.text("nproc-per-node", raw.nproc_per_node, "ranks on each node: a number, auto, cpu or gpu");
  flags.text("rdzv-backend", raw.rdzv_backend, "how nodes meet: static (they know their --node-rank) or c10d");
  flags.text("rdzv-endpoint", raw.rdzv_endpoint, "HOST[:PORT] of the node that hosts the store; port 29400 if not given");
  flags.text("rdzv-id", raw.rdzv_id, "the job's name, the same on all nodes");
  flags.text("rdzv-conf", raw.rdzv_conf, "KEY=VALUE,...: join_timeout, last_call_timeout, keep_alive_interval, keep_alive_max_attempt, is_host");
  flags.flag("standalone", raw.standalone, "one node, a free port, an id of its own");
  flags.text("max-restarts", raw.max_restarts, "how often all ranks are started again after a failure");
  flags.text("monitor-interval", raw.monitor_interval, "seconds between looks at logs, heartbeats and other nodes; ends of ranks are seen at once");
  flags.text("start-method", raw.start_method, "accepted and of no effect: ranks are programs");
  flags.text("event-log-handler", raw.event_log_handler, "only null: nothing is recorded");
  flags.text("role", raw.role, "name of this node's ranks");
  flags.flag("module", raw.module, "the program is a Python module (python3 -m)", "-m,");
  flags.flag("no-python", raw.no_python, "run the program as it is, whatever its name");
  flags.flag("run-path", raw.run_path, "the program is a Python script");
  flags.text("log-dir", raw.log_dir, "folder for logs and error files: DIR/<rdzv-id>_xxxxxx/attempt_<n>/<local rank>/; /dev/null for none");
  flags.text("redirects", raw.redirects, "streams that go to files instead of the console: 1 stdout, 2 stderr, 3 both, or 0:1,1:2 by local rank", "-r,");
  flags.text("tee", raw.tee, "streams that go to files and to the console, written as for --redirects", "-t,");
  flags.text("local-ranks-filter", raw.local_ranks_filter, "local ranks that show in the console, such as 0,1; others go to files only");
  flags.text("duplicate-stdout-filters", raw.stdout_filters, "lines of tee'd stdout with one of these texts also go to filtered_stdout.log");
  flags.text("duplicate-stderr-filters", raw.stderr_filters, "the same for stderr");
  flags.text("node-rank", raw.node_rank, "this node's number, for --rdzv-backend=static");
  flags.text("master-addr", raw.master_addr, "address of node 0, for static");
  flags.text("master-port", raw.master_port, "port on node 0, for static; 0 takes a free one when there is one node");
  flags.text("local-addr", raw.local_addr, "this node's address as others reach it; found out if not given");
  flags.text("logs-specs", raw.logs_specs, "not supported: entry points are Python's");
  flags.text("numa-binding", raw.numa_binding, "not supported: use numactl in front of the program");
  flags.text("signals-to-handle", raw.signals, "signals that are passed on to the ranks; all but SIGUSR1 and SIGUSR2 then end the job");
  flags.flag("virtual-local-rank", raw.virtual_local_rank, "each rank sees its GPU only, as number 0, and LOCAL_RANK=0");
  flags.text("grace", raw.grace, "seconds that ranks have to end after SIGTERM, before SIGKILL (also --shutdown-timeout)", "--shutdown-timeout,--shutdown_timeout,");
  flags.text("hang-timeout", raw.hang_timeout, "seconds without a sign of life after which a rank's stacks are printed and the attempt fails; 0: never");
  flags.text("restart-delay", raw.restart_delay, "seconds before the second restart; they double with each, up to 60");
  flags.text("crash-loop-limit", raw.crash_loop_limit, "attempts in a row without a new checkpoint after which there is no restart any more; 0: no limit");
}

[[noreturn]] void refuse_unknown(const CLI::App& app, const std::string& flag) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  const std::string given = flag.substr(0, flag.find('=')), near = nearest_name(given, known);
  throw ValueError("unknown flag '" + given + "'" + (near.empty() ? "; --help lists them all" : "; did you mean '" + near + "'?"));
}

std::string random_id() {
  std::random_device random;
  std::string out;
  for (int i = 0; i < 32; ++i) out += "0123456789abcdef"[random() % 16];
  return out;
}

void set_nodes(Options& out, const std::string& nnodes) {
  const auto parts = split(nnodes, ':');
  if (parts.size() > 2) throw ValueError("--nnodes: '" + nnodes + "' is neither a number nor MIN:MAX");
  out.min_nodes = to_int(parts.front(), "--nnodes", 1);
  out.max_nodes = to_int(parts.back(), "--nnodes", 1);
  if (out.min_nodes > out.max_nodes) throw ValueError("--nnodes: " + nnodes + ": MIN is more than MAX");
}

void set_rendezvous(Options& out, const Raw& raw) {
  out.standalone = raw.standalone;
  out.rdzv_backend = raw.standalone ? "c10d" : raw.rdzv_backend;
  if (out.rdzv_backend != "static" && out.rdzv_backend != "c10d")
    throw ValueError("--rdzv-backend: '" + raw.rdzv_backend + "' is not supported; there are static and c10d");
  if (raw.standalone && out.max_nodes > 1) throw ValueError("--standalone is for one node, --nnodes=" + raw.nnodes + " is more");
  out.rdzv_conf = parse_rdzv_conf(raw.rdzv_conf);
  for (const auto& [key, value] : out.rdzv_conf)
    if (key == "store_type" ? value != "tcp" : key.starts_with("etcd"))
      throw ValueError("--rdzv-conf: " + key + "=" + value + " is not supported; the store is TCP");
  out.node_rank = to_int(raw.node_rank, "--node-rank", 0);
  const int master_port = to_int(raw.master_port, "--master-port", 0, 65535);
  if (raw.standalone) {
    out.rdzv_endpoint = {"localhost", 0};
    out.rdzv_id = random_id();
  } else if (out.is_static() && raw.rdzv_endpoint.empty()) {
    out.rdzv_endpoint = {raw.master_addr, static_cast<std::uint16_t>(master_port)};
  } else {
    out.rdzv_endpoint = Endpoint::parse(raw.rdzv_endpoint, out.is_static() ? 29500 : 29400);
  }
  if (out.rdzv_id.empty()) throw ValueError("--rdzv-id must not be empty");
  if (out.is_static() && out.min_nodes != out.max_nodes)
    throw ValueError("--nnodes=" + raw.nnodes + " needs --rdzv-backend=c10d: static nodes are a fixed number");
  if (out.is_static() && out.node_rank >= out.max_nodes)
    throw ValueError("--node-rank=" + raw.node_rank + " must be less than --nnodes=" + std::to_string(out.max_nodes));
}

void set_logs(Options& out, const Raw& raw) {
  out.log_dir = raw.log_dir;
  out.redirects = Streams::parse(raw.redirects, "--redirects");
  out.tee = Streams::parse(raw.tee, "--tee");
  if (!raw.local_ranks_filter.empty())
    for (const auto& rank : split(raw.local_ranks_filter, ',')) out.local_ranks_filter.insert(to_int(rank, "--local-ranks-filter", 0));
  out.duplicate_stdout_filters = parse_filters(raw.stdout_filters);
  out.duplicate_stderr_filters = parse_filters(raw.stderr_filters);
}

Options checked(const Raw& raw, std::vector<std::string> command) {
  Options out;
  out.command = std::move(command);
  if (out.command.empty()) throw ValueError("no program to run was given; see --help");
  out.rdzv_id = raw.rdzv_id;
  set_nodes(out, raw.nnodes);
  out.nproc_per_node = ranks_per_node(raw.nproc_per_node);
  set_rendezvous(out, raw);
  set_logs(out, raw);
  out.max_restarts = to_int(raw.max_restarts, "--max-restarts", 0);
  out.monitor_interval = std::max(0.01, to_seconds(raw.monitor_interval, "--monitor-interval"));
  out.role = raw.role;
  out.module = raw.module, out.no_python = raw.no_python, out.run_path = raw.run_path;
  if (raw.module && raw.no_python) throw ValueError("--module and --no-python exclude each other");
  out.local_addr = raw.local_addr;
  out.signal_names = raw.signals;
  for (const auto& name : split(raw.signals, ',')) out.signals_to_handle.push_back(signal_number(name));
  out.virtual_local_rank = raw.virtual_local_rank;
  if (!raw.numa_binding.empty()) throw ValueError("--numa-binding is not supported; put numactl in front of the program, with --no-python");
  if (!raw.logs_specs.empty()) throw ValueError("--logs-specs is not supported: it names a Python entry point");
  if (raw.event_log_handler != "null") throw ValueError("--event-log-handler: only null is supported, '" + raw.event_log_handler + "' was given");
  out.grace = to_seconds(raw.grace, "--grace");
  out.hang_timeout = to_seconds(raw.hang_timeout, "--hang-timeout");
  out.restart_delay = to_seconds(raw.restart_delay, "--restart-delay");
  out.crash_loop_limit = to_int(raw.crash_loop_limit, "--crash-loop-limit", 0);
  return out;
}

}  // namespace

double Options::conf(const std::string& key, double otherwise) const {
  const auto found = rdzv_conf.find(key);
  return found == rdzv_conf.end() ? otherwise : to_seconds(found->second, "--rdzv-conf " + key);
}

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  CLI::App app(about, "levin-run");
  app.prefix_command();  // from the program on, everything is the program's
  Raw raw;
  declare(app, raw);
  try {
    app.parse(argc, argv);
    const auto rest = app.remaining();
    if (!rest.empty() && rest.front().starts_with('-')) refuse_unknown(app, rest.front());
    return checked(raw, rest);
  } catch (const CLI::ParseError& end) {
    exit_code = app.exit(end) == 0 ? 0 : 2;
  } catch (const ValueError& error) {
    std::fprintf(stderr, "levin-run: %s\n", error.what());
    exit_code = 2;  // as argparse
  }
  return {};
}

}  // namespace levin::launcher
