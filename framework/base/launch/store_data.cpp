#include "levin/framework/base/launch/store_data.h"

#include <algorithm>
#include <charconv>

namespace levin::store {
namespace {

bool of_ranks(const std::string& key) { return key.starts_with('/'); }

std::vector<std::string> read_keys(Reader& in) {
  std::vector<std::string> out;
  for (auto n = in.count(); n > 0; --n) out.push_back(in.key());
  return out;
}

std::vector<std::pair<std::string, std::string>> read_pairs(Reader& in) {
  std::vector<std::pair<std::string, std::string>> out;
  for (auto n = in.count(); n > 0; --n) {
    std::string key = in.key();
    out.emplace_back(std::move(key), in.value());
  }
  return out;
}

}  // namespace

template <class T>
void Data::answer(Client client, T number) {
  send_(client, {reinterpret_cast<const char*>(&number), sizeof number});
}

void Data::answer_text(Client client, std::string_view text) {
  std::string out;
  put_text(out, text);
  send_(client, out);
}

// Each case first reads all of its arguments, so that an incomplete query has done nothing.
bool Data::execute(Client client, Reader& in) {
  switch (static_cast<Query>(in.number<std::uint8_t>())) {
    case Query::set: {
      const std::string key = in.key();
      set(key, in.value());
      return of_ranks(key);
    }
    case Query::compare_set: {
      const std::string key = in.key(), expected = in.value();
      compare_set(client, key, expected, in.value());
      return of_ranks(key);
    }
    case Query::get: {
      const std::string key = in.key();
      answer_text(client, get(key));
      return of_ranks(key);
    }
    case Query::add: {
      const std::string key = in.key();
      add(client, key, in.number<std::int64_t>());
      return of_ranks(key);
    }
    case Query::check: {
      const auto keys = read_keys(in);
      answer<std::uint8_t>(client, std::all_of(keys.begin(), keys.end(), [&](const auto& key) { return has(key); }) ? 0 : 1);
      return std::any_of(keys.begin(), keys.end(), of_ranks);
    }
    case Query::wait: {
      const auto keys = read_keys(in);
      wait(client, keys);
      return std::any_of(keys.begin(), keys.end(), of_ranks);
    }
    case Query::get_num_keys:
      answer<std::int64_t>(client, std::count_if(values_.begin(), values_.end(), [](const auto& i) { return of_ranks(i.first); }));
      return true;
    case Query::delete_key: {
      const std::string key = in.key();
      answer<std::int64_t>(client, static_cast<std::int64_t>(values_.erase(key)));  // as in c10d, not a queue
      return of_ranks(key);
    }
    case Query::append: {
      const std::string key = in.key();
      set(key, get(key) + in.value());
      return of_ranks(key);
    }
    case Query::multi_get: {
      const auto keys = read_keys(in);
      for (const auto& key : keys) answer_text(client, get(key));
      return std::any_of(keys.begin(), keys.end(), of_ranks);
    }
    case Query::multi_set: {
      auto pairs = read_pairs(in);
      const bool ranks = std::any_of(pairs.begin(), pairs.end(), [](const auto& i) { return of_ranks(i.first); });
      for (auto& [key, value] : pairs) set(key, std::move(value));
      return ranks;
    }
    case Query::cancel_wait:
      forget(client);
      answer<std::uint8_t>(client, 1);
      return true;
    case Query::ping:
      answer(client, in.number<std::uint32_t>());
      return false;
    case Query::queue_push: {
      const std::string key = in.key();
      push(key, in.value());
      return of_ranks(key);
    }
    case Query::queue_pop: {
      const std::string key = in.key();
      pop(client, key);
      return of_ranks(key);
    }
    case Query::queue_len: {
      const std::string key = in.key();
      const auto queue = queues_.find(key);
      answer<std::int64_t>(client, queue == queues_.end() ? 0 : static_cast<std::int64_t>(queue->second.size()));
      return of_ranks(key);
    }
    case Query::list_keys:
      list(client);
      return true;
    default:
      throw ProtocolError("unknown query");
  }
}

void Data::set(const std::string& key, std::string value) {
  values_[key] = std::move(value);
  wake(key);
}

const std::string& Data::get(const std::string& key) const {
  static const std::string none;
  const auto found = values_.find(key);
  return found == values_.end() ? none : found->second;
}

bool Data::has(const std::string& key) const { return values_.contains(key) || queues_.contains(key); }

void Data::add(Client client, const std::string& key, std::int64_t number) {
  const std::string& former = get(key);
  std::int64_t value = 0;
  if (!former.empty()) {
    const auto read = std::from_chars(former.data(), former.data() + former.size(), value);
    if (read.ec != std::errc()) throw ProtocolError("add to a value that is no number");
  }
  value = static_cast<std::int64_t>(static_cast<std::uint64_t>(value) + static_cast<std::uint64_t>(number));
  set(key, std::to_string(value));
  answer(client, value);
}

// As in c10d: where there is no such key, the answer is what was expected, as if it were there.
void Data::compare_set(Client client, const std::string& key, const std::string& expected, std::string desired) {
  const auto found = values_.find(key);
  const bool there = found != values_.end();
  if (!there && !expected.empty()) return answer_text(client, expected);
  if (!there || found->second == expected) set(key, std::move(desired));
  answer_text(client, get(key));
}

void Data::wait(Client client, const std::vector<std::string>& keys) {
  forget(client);
  std::size_t lacking = 0;
  for (const auto& key : keys)
    if (!has(key)) {
      waiting_[key].push_back(client);
      ++lacking;
    }
  if (lacking == 0) answer<std::uint8_t>(client, 0);
  else awaited_[client] = lacking;
}

void Data::wake(const std::string& key, bool only_one) {
  const auto found = waiting_.find(key);
  if (found == waiting_.end()) return;
  auto& clients = found->second;
  std::size_t n = only_one ? 1 : clients.size();
  for (; n > 0; --n) {
    const Client client = clients.front();
    clients.pop_front();
    if (--awaited_[client] > 0) continue;
    awaited_.erase(client);
    answer<std::uint8_t>(client, 0);
  }
  if (clients.empty()) waiting_.erase(found);
}

void Data::push(const std::string& key, std::string value) {
  queues_[key].push_back(std::move(value));
  wake(key, true);  // there is one value, for one client
}

void Data::pop(Client client, const std::string& key) {
  const auto queue = queues_.find(key);
  if (queue == queues_.end()) return answer<std::int64_t>(client, 0);
  answer<std::int64_t>(client, 1);
  answer_text(client, queue->second.front());
  queue->second.pop_front();
  if (queue->second.empty()) queues_.erase(queue);
}

void Data::list(Client client) {
  std::string keys;
  std::int64_t count = 0;
  for (const auto& [key, value] : values_)
    if (of_ranks(key)) {
      put_text(keys, key);
      ++count;
    }
  answer(client, count);
  send_(client, keys);
}

void Data::forget(Client client) {
  if (awaited_.erase(client) == 0) return;
  for (auto i = waiting_.begin(); i != waiting_.end();) {
    std::erase(i->second, client);
    i = i->second.empty() ? waiting_.erase(i) : std::next(i);
  }
}

void Data::forget_ranks() {
  std::erase_if(values_, [](const auto& i) { return of_ranks(i.first); });
  std::erase_if(queues_, [](const auto& i) { return of_ranks(i.first); });
}

}  // namespace levin::store
