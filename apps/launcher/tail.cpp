#include "levin/apps/launcher/tail.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace levin::launcher {
namespace {

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) text.replace(at, from.size(), to);
}

std::string prefix_of(const Options& options, int rank, int local_rank) {
  const char* const given = std::getenv("TORCHELASTIC_LOG_LINE_PREFIX_TEMPLATE");
  std::string out = given ? given : "[${role_name}${local_rank}]:";
  replace_all(out, "${role_name}", options.role);
  replace_all(out, "${local_rank}", std::to_string(local_rank));
  replace_all(out, "${rank}", std::to_string(rank));
  return out;
}

std::FILE* open_filtered(const std::vector<std::string>& filters, const std::string& path) {
  return filters.empty() ? nullptr : std::fopen(path.c_str(), "we");
}

void write_line(std::FILE* to, const std::string& line) { std::fwrite(line.data(), 1, line.size(), to); }

}  // namespace

Tail::Tail(const Options& options, int first_rank, const std::vector<RankFiles>& files, const std::string& filtered_folder) {
  filtered_out_ = open_filtered(options.duplicate_stdout_filters, filtered_folder + "/filtered_stdout.log");
  filtered_err_ = open_filtered(options.duplicate_stderr_filters, filtered_folder + "/filtered_stderr.log");
  for (int i = 0; i < static_cast<int>(files.size()); ++i) {
    const RankFiles& f = files[static_cast<std::size_t>(i)];
    const std::string prefix = prefix_of(options, first_rank + i, i);
    if (f.tee_out) sources_.push_back({f.out, prefix, stdout, filtered_out_, options.duplicate_stdout_filters});
    if (f.tee_err) sources_.push_back({f.err, prefix, stderr, filtered_err_, options.duplicate_stderr_filters});
  }
}

Tail::~Tail() {
  for (const Source& source : sources_)
    if (source.fd >= 0) ::close(source.fd);
  for (std::FILE* file : {filtered_out_, filtered_err_})
    if (file) std::fclose(file);
}

void Tail::pump(bool end) {
  for (Source& source : sources_) show(source, end);
  std::fflush(stdout);
  for (std::FILE* file : {filtered_out_, filtered_err_})
    if (file) std::fflush(file);
}

void Tail::show(Source& source, bool end) {
  if (source.fd < 0 && (source.fd = ::open(source.path.c_str(), O_RDONLY | O_CLOEXEC)) < 0) return;
  char buffer[16 * 1024];
  for (ssize_t n; (n = ::read(source.fd, buffer, sizeof buffer)) > 0;) source.rest.append(buffer, static_cast<std::size_t>(n));
  if (end && !source.rest.empty() && source.rest.back() != '\n') source.rest += '\n';
  std::size_t at = 0;
  for (std::size_t newline; (newline = source.rest.find('\n', at)) != std::string::npos; at = newline + 1) {
    const std::string line = source.prefix + source.rest.substr(at, newline + 1 - at);
    write_line(source.to, line);
    const bool wanted = std::any_of(source.filters.begin(), source.filters.end(),
                                    [&](const std::string& text) { return line.find(text, source.prefix.size()) != std::string::npos; });
    if (wanted && source.filtered) write_line(source.filtered, line);
  }
  source.rest.erase(0, at);
}

}  // namespace levin::launcher
