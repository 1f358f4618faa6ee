#pragma once
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace levin::launcher {

constexpr int most_int = std::numeric_limits<int>::max();

std::vector<std::string> split(const std::string& text, char separator);
/// ValueErrors name the flag, what was given and what is allowed.
int to_int(const std::string& text, const std::string& flag, int least, int most = most_int);
double to_seconds(const std::string& text, const std::string& what);
/// "join_timeout=600,is_host=1"
std::map<std::string, std::string> parse_rdzv_conf(const std::string& text);
/// "apple,or,,ange" is two filters: "apple" and "or,ange".
std::vector<std::string> parse_filters(const std::string& text);
/// "gpu", "cpu", "auto" or a number.
int ranks_per_node(const std::string& text);
/// The number of "SIGTERM"; ValueError if there is no such signal or it can't be handled.
int signal_number(const std::string& name);
/// "SIGTERM" of 15.
std::string signal_name(int number);

}  // namespace levin::launcher
