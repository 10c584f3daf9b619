#include "worker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sstream>

extern char** environ;

namespace bench {
namespace {

constexpr int worker_descriptor = 3;

/// This process's environment with `changes` on top.
std::vector<std::string> merged(const Environment& changes) {
  std::vector<std::string> all;
  for (char** e = environ; *e; ++e) {
    const std::string_view entry = *e;
    const auto name = entry.substr(0, entry.find('='));
    if (std::ranges::none_of(changes, [&](const auto& c) { return c.first == name; }))
      all.emplace_back(entry);
  }
  for (const auto& [name, value] : changes) all.push_back(name + "=" + value);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> all;
  for (auto& s : strings) all.push_back(s.data());
  all.push_back(nullptr);
  return all;
}

pid_t spawn_self(std::vector<std::string> arguments, std::vector<std::string> environment, int fd) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, fd, worker_descriptor);
  pid_t process = 0;
  const int failure = posix_spawn(&process, "/proc/self/exe", &actions, nullptr,
                                  pointers(arguments).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure) throw WorkerError("cannot start a process for a contender");
  return process;
}

std::array<int, 2> socket_pair() {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()))
    throw WorkerError("cannot make a socket");
  if (ends[1] == worker_descriptor)
    ends[1] = fcntl(ends[1], F_DUPFD_CLOEXEC, worker_descriptor + 1);
  return ends;
}

double seconds_of(Workload& work, std::int64_t n) {
  const auto begin = std::chrono::steady_clock::now();
  work.run(n);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// The process's side of one conversation.
class Server {
 public:
  explicit Server(const Contender& contender) : contender_(contender) {}

  std::string answer(const std::string& request) {
    std::istringstream words(request);
    std::string what;
    int row = -1;
    double number = 0;
    words >> what >> row >> number;
    if (what == "check") return check(row);
    if (what == "calibrate") return fmt::format("{}", calibrate(number));
    if (what == "time") return fmt::format("{:.9g}", time(static_cast<std::int64_t>(number)));
    work_.reset();
    return "";
  }

 private:
  std::string check(int row) {
    work_ = contender_.works.at(all_rows()[static_cast<std::size_t>(row)].name)();
    work_->run(checked_steps);
    std::string text;
    for (const double x : work_->result()) text += fmt::format(" {:.17g}", x);
    return text;
  }
  std::int64_t calibrate(double seconds) {
    for (std::int64_t n = 1;; n *= 4)
      if (const double s = seconds_of(*work_, n); s > seconds / 4)
        return std::max<std::int64_t>(
            1, static_cast<std::int64_t>(static_cast<double>(n) * seconds / s));
  }
  double time(std::int64_t n) {
    if (n >= 8) work_->run(n / 8);
    return seconds_of(*work_, n) / static_cast<double>(n);
  }

  const Contender& contender_;
  std::unique_ptr<Workload> work_;
};

}  // namespace

Worker::Worker(const Contender& contender, const Environment& environment, int threads)
    : contender_(&contender), environment_(environment), threads_(threads) {
  start();
}

Worker::~Worker() { stop(); }

void Worker::start() {
  const auto count = fmt::format("{}", threads_);
  Environment changes = environment_;
  for (const char* name : {"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"})
    changes.push_back({name, count});
  const auto ends = socket_pair();
  process_ = spawn_self({"benchmark", "--worker", contender_->name, "--threads", count},
                        merged(changes), ends[1]);
  close(ends[1]);
  in_ = fdopen(ends[0], "r");
  out_ = fdopen(fcntl(ends[0], F_DUPFD_CLOEXEC, 0), "w");
  description_ = ask("hello");
}

void Worker::stop() {
  if (in_) std::fclose(in_);
  if (out_) std::fclose(out_);
  in_ = out_ = nullptr;
  if (process_) waitpid(process_, nullptr, 0);
  process_ = 0;
}

std::string Worker::ask(const std::string& request) {
  if (!in_) start();
  fmt::print(out_, "{}\n", request);
  std::fflush(out_);
  char* line = nullptr;
  std::size_t capacity = 0;
  const auto length = getline(&line, &capacity, in_);
  const std::unique_ptr<char, decltype(&std::free)> owner(line, &std::free);
  if (length <= 0) {
    stop();
    throw WorkerError(fmt::format("{}: its process ended", contender_->name));
  }
  const std::string answer(line, static_cast<std::size_t>(length - 1));
  if (answer.starts_with("error ")) throw WorkerError(contender_->name + ": " + answer.substr(6));
  return answer;
}

Numbers Worker::check(int row) {
  std::istringstream words(ask(fmt::format("check {}", row)));
  Numbers numbers;
  for (std::string word; words >> word;) numbers.push_back(std::strtod(word.c_str(), nullptr));
  return numbers;
}
std::int64_t Worker::calibrate(int row, double seconds) {
  return std::stoll(ask(fmt::format("calibrate {} {}", row, seconds)));
}
double Worker::time(int row, std::int64_t n) {
  return std::strtod(ask(fmt::format("time {} {}", row, n)).c_str(), nullptr);
}
void Worker::drop() { ask("drop"); }

void serve(const Contender& contender, int descriptor, int threads) {
  std::FILE* in = fdopen(descriptor, "r");
  std::FILE* out = fdopen(dup(descriptor), "w");
  Server server(contender);
  char* line = nullptr;
  std::size_t capacity = 0;
  while (getline(&line, &capacity, in) > 0) {
    std::string answer;
    try {
      const bool hello = std::string_view(line).starts_with("hello");
      answer = hello ? contender.start(threads) : server.answer(line);
    } catch (const std::exception& e) {
      answer = fmt::format("error {}", e.what());
      std::ranges::replace(answer, '\n', ' ');
    }
    fmt::print(out, "{}\n", answer);
    std::fflush(out);
  }
  std::free(line);
}

}  // namespace bench
