// Load generator of the load bench: one thread, one epoll, loopback only, ends by itself.
//
//   lg -m closed -p PORT -f REQUEST -c 32 ...    so many connections, each asks again as soon as it is answered
//   lg -m open   -p PORT -f REQUEST -r 200 ...   Poisson arrivals, whatever the answers do; latency from the planned moment
//   lg -m cold   -p PORT -f REQUEST -k CORE -- command...   starts the command; time from fork to its first good answer
//
//   -w warm-up s   -d window s   -x longest drain s   -s seed   -e events per answer (0: no stream)   -b bytes per answer
//   -P pids        whose CPU time is read at both edges of the window
//
// Prints one line of JSON. Counts and CPU times cover the window, latencies of an open loop what was planned in it,
// errors everything from the first request to the last.
#include "common.h"
#include <math.h>
#include <sched.h>
#include <sys/wait.h>

#define HEAD_MAX 16384        // Limit: a longer response head is an error
#define LINE_MAX_BYTES 4096   // Limit: of a longer stream line only the start is looked at
#define CONNECTIONS_MAX 16384 // Limit: an arrival beyond it is an error
#define ERRORS_MAX 1000       // Limit: after so many the run is given up
#define PIDS_MAX 64
#define CORES_MAX 64
#define FINE_BITS 10
#define FINE (1 << FINE_BITS)
#define BUCKETS (24 * FINE)  // Limit: values above two hours share the last bucket

struct histogram {
  int64_t count, max, bucket[BUCKETS];
};

struct connection {
  int fd;
  enum { IDLE, CONNECTING, SENDING, WAITING, READING } state;
  size_t sent, head_count, line_count;
  char head[HEAD_MAX + 1];
  char line[LINE_MAX_BYTES + 1];
  struct body body;
  int closes, has_data, has_done, event_count;
  int64_t body_bytes, planned_us;
  struct connection *next;
};

static struct {
  int64_t connect, status, broken, brief, unfinished;
} errors;
static struct {
  int64_t requests, events, bytes, opened;
} counted;
struct edge {
  int64_t at_us, own_ns, pid_ns[PIDS_MAX], busy[CORES_MAX], idle[CORES_MAX], steal[CORES_MAX];
};

static int epoll, port, event_max, is_open_loop;
static enum { WARMING, MEASURING, OVER } stage = WARMING;
static int bad_status; // the first one that was not 200
static int64_t body_bytes_wanted, window_from, window_to, received_us;
static char *request;
static size_t request_count;
static pid_t pids[PIDS_MAX];
static int pid_count, core_count;
static struct connection *idle, *dead;
static int running;
static struct histogram latency, first_event, event_delay;
static char incoming[262144];
static uint64_t chance;

// --- figures ---

// 1024 buckets per power of two: a value is off by 0.1 % at most.
static int bucket_of(int64_t value) {
  if (value < FINE) return value < 0 ? 0 : (int)value;
  int shift = 63 - __builtin_clzll((uint64_t)value) - FINE_BITS;
  int at = (shift + 1) * FINE + (int)((value >> shift) & (FINE - 1));
  return at < BUCKETS ? at : BUCKETS - 1;
}

static void record(struct histogram *histogram, int64_t value) {
  histogram->bucket[bucket_of(value)]++;
  histogram->count++;
  if (value > histogram->max) histogram->max = value;
}

static int64_t quantile(const struct histogram *histogram, double share) {
  int64_t rank = (int64_t)ceil(share * (double)histogram->count), seen = 0;
  for (int at = 0; at < BUCKETS; at++) {
    seen += histogram->bucket[at];
    if (seen < rank || seen == 0) continue;
    if (at < FINE) return at;
    int shift = at / FINE - 1;
    return ((int64_t)(FINE + at % FINE) << shift) + (shift > 0 ? (int64_t)1 << (shift - 1) : 0);
  }
  return 0;
}

static void print_histogram(const char *name, const struct histogram *histogram) {
  printf("\"%s\":{\"count\":%lld,\"p50\":%lld,\"p90\":%lld,\"p99\":%lld,\"p999\":%lld,\"max\":%lld},", name,
         (long long)histogram->count, (long long)quantile(histogram, 0.5), (long long)quantile(histogram, 0.9),
         (long long)quantile(histogram, 0.99), (long long)quantile(histogram, 0.999), (long long)histogram->max);
}

// CPU time in nanoseconds from the processes' own clocks: utime + stime of /proc/PID/stat before it is cut into ticks.
static void read_edge(struct edge *edge) {
  edge->at_us = now_us();
  edge->own_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (int at = 0; at < pid_count; at++) {
    clockid_t clock;
    edge->pid_ns[at] = clock_getcpuclockid(pids[at], &clock) == 0 ? clock_ns(clock) : -1;
  }
  FILE *file = fopen("/proc/stat", "r");
  if (file == NULL) die("/proc/stat");
  char line[512];
  core_count = 0;
  while (fgets(line, sizeof line, file) != NULL && core_count < CORES_MAX) {
    int core;
    long long user, nice, system, free, wait, hard, soft, steal;
    if (strncmp(line, "cpu", 3) != 0 || !isdigit((unsigned char)line[3])) continue;
    if (sscanf(line, "cpu%d %lld %lld %lld %lld %lld %lld %lld %lld", &core, &user, &nice, &system, &free, &wait, &hard,
               &soft, &steal) != 9)
      continue;
    edge->busy[core_count] = user + nice + system + hard + soft;
    edge->idle[core_count] = free + wait;
    edge->steal[core_count] = steal;
    core_count++;
  }
  fclose(file);
}

static void print_edges(const struct edge *from, const struct edge *to) {
  double ms_per_tick = 1000.0 / (double)sysconf(_SC_CLK_TCK);
  printf("\"seconds\":%.6f,\"loadCpuNs\":%lld,\"cpuNs\":[", (double)(to->at_us - from->at_us) / 1e6,
         (long long)(to->own_ns - from->own_ns));
  for (int at = 0; at < pid_count; at++) {
    int gone = from->pid_ns[at] < 0 || to->pid_ns[at] < 0;
    printf("%s%lld", at == 0 ? "" : ",", gone ? -1LL : (long long)(to->pid_ns[at] - from->pid_ns[at]));
  }
  printf("],\"cores\":[");
  for (int at = 0; at < core_count; at++) {
    printf("%s{\"busyMs\":%.0f,\"idleMs\":%.0f,\"stealMs\":%.0f}", at == 0 ? "" : ",",
           (double)(to->busy[at] - from->busy[at]) * ms_per_tick, (double)(to->idle[at] - from->idle[at]) * ms_per_tick,
           (double)(to->steal[at] - from->steal[at]) * ms_per_tick);
  }
  printf("],");
}

static int was_planned_in_window(int64_t at_us) { return at_us >= window_from && at_us < window_to; }

// xorshift64*, in (0, 1]
static double draw(void) {
  chance ^= chance >> 12;
  chance ^= chance << 25;
  chance ^= chance >> 27;
  return ((double)((chance * 2685821657736338717ULL) >> 11) + 1) / 9007199254740992.0;
}

// --- connections ---

static void ask(struct connection *connection);

static void drop(struct connection *connection) {
  if (connection->fd < 0) return;
  close(connection->fd);
  connection->fd = -1;
  connection->next = dead;
  dead = connection;
}

static void bury(void) {
  while (dead != NULL) {
    struct connection *next = dead->next;
    free(dead);
    dead = next;
  }
}

static void open_connection(int64_t planned_us) {
  struct connection *connection = calloc(1, sizeof *connection);
  if (connection == NULL) die("memory");
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  connection->planned_us = planned_us;
  if (connection->fd < 0) die("socket");
  send_at_once(connection->fd);
  running++;
  counted.opened++;
  struct sockaddr_in address = loopback(port);
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) == 0) {
    watch(epoll, EPOLL_CTL_ADD, connection->fd, EPOLLIN, connection);
    ask(connection);
    return;
  }
  connection->state = CONNECTING;
  watch(epoll, EPOLL_CTL_ADD, connection->fd, EPOLLIN | EPOLLOUT, connection);
}

static int64_t error_count(void) {
  return errors.connect + errors.status + errors.broken + errors.brief + errors.unfinished;
}

// The exchange is over; in a closed loop its connection, or a new one, asks again.
static void finish(struct connection *connection, int keep) {
  running--;
  if (!keep) drop(connection);
  if (stage == OVER || error_count() > ERRORS_MAX) {
    if (keep) drop(connection);
    return;
  }
  if (is_open_loop) {
    if (!keep) return;
    connection->state = IDLE;
    connection->next = idle;
    idle = connection;
    return;
  }
  if (!keep) return open_connection(now_us());
  running++;
  connection->planned_us = received_us;
  ask(connection);
}

static void fail(struct connection *connection, int64_t *counter) {
  (*counter)++;
  finish(connection, 0);
}

static void send_rest(struct connection *connection) {
  ssize_t sent = send(connection->fd, request + connection->sent, request_count - connection->sent, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return fail(connection, &errors.broken);
  if (sent > 0) connection->sent += (size_t)sent;
  int was_sending = connection->state == SENDING;
  int is_sent = connection->sent == request_count;
  connection->state = is_sent ? WAITING : SENDING;
  if (is_sent && was_sending) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
  if (!is_sent && !was_sending) watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN | EPOLLOUT, connection);
}

static void ask(struct connection *connection) {
  connection->sent = connection->head_count = connection->line_count = 0;
  connection->has_data = connection->has_done = connection->event_count = 0;
  connection->body_bytes = 0;
  connection->state = WAITING;
  send_rest(connection);
}

// --- answers ---

static void take_event(struct connection *connection) {
  if (!connection->has_data) return;
  connection->has_data = 0;
  connection->event_count++;
  if (stage == MEASURING) counted.events++;
  if (connection->event_count == 1 && was_planned_in_window(connection->planned_us)) {
    record(&first_event, received_us - connection->planned_us);
  }
}

// Comments and [DONE] are no events.
static void take_line(struct connection *connection) {
  connection->line[connection->line_count] = 0;
  if (connection->line_count > 0 && connection->line[connection->line_count - 1] == '\r') connection->line_count--;
  if (connection->line_count == 0) return take_event(connection);
  if (strncmp(connection->line, "data: ", 6) != 0) return;
  if (strncmp(connection->line + 6, "[DONE]", 6) == 0) {
    connection->has_done = 1;
    return;
  }
  connection->has_data = 1;
  const char *stamp = strstr(connection->line, "\"t\":");
  if (stamp != NULL && stage == MEASURING) record(&event_delay, received_us - strtoll(stamp + 4, NULL, 10));
}

static void take_body(void *owner, const char *bytes, size_t count) {
  struct connection *connection = owner;
  connection->body_bytes += (int64_t)count;
  if (event_max == 0) return;
  while (count > 0) {
    const char *stop = memchr(bytes, '\n', count);
    size_t run = stop == NULL ? count : (size_t)(stop - bytes);
    size_t room = LINE_MAX_BYTES - connection->line_count;
    memcpy(connection->line + connection->line_count, bytes, run < room ? run : room);
    connection->line_count += run < room ? run : room;
    if (stop == NULL) return;
    take_line(connection);
    connection->line_count = 0;
    bytes += run + 1;
    count -= run + 1;
  }
}

static void take_end(struct connection *connection) {
  int is_brief = (body_bytes_wanted > 0 && connection->body_bytes != body_bytes_wanted) ||
                 (event_max > 0 && (connection->event_count != event_max || !connection->has_done));
  if (is_brief) return fail(connection, &errors.brief);
  if (stage == MEASURING) {
    counted.requests++;
    counted.bytes += connection->body_bytes;
  }
  if (is_open_loop ? was_planned_in_window(connection->planned_us) : stage == MEASURING) {
    record(&latency, received_us - connection->planned_us);
  }
  finish(connection, !connection->closes);
}

static void drop_idle(struct connection *connection) {
  for (struct connection **link = &idle; *link != NULL; link = &(*link)->next) {
    if (*link != connection) continue;
    *link = connection->next;
    break;
  }
  drop(connection);
}

static void take(struct connection *connection, const char *bytes, size_t count) {
  if (connection->state == IDLE) {
    errors.broken++;
    return drop_idle(connection);
  }
  if (connection->state == SENDING || connection->state == CONNECTING) {
    return fail(connection, &errors.broken);
  }
  if (connection->state == WAITING) {
    size_t before = connection->head_count;
    size_t kept = count < HEAD_MAX - before ? count : HEAD_MAX - before;
    memcpy(connection->head + before, bytes, kept);
    connection->head[before + kept] = 0;
    char *end = strstr(connection->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
    if (end == NULL) {
      connection->head_count += kept;
      if (connection->head_count == HEAD_MAX) fail(connection, &errors.broken);
      return;
    }
    connection->head_count = (size_t)(end + 4 - connection->head);
    bytes += connection->head_count - before;
    count -= connection->head_count - before;
    const char *head_end = connection->head + connection->head_count;
    if (strncmp(connection->head, "HTTP/1.1 200", 12) != 0) {
      if (bad_status == 0) bad_status = atoi(connection->head + 9);
      return fail(connection, &errors.status);
    }
    const char *wish = find_header(connection->head, head_end, "connection:");
    body_start(&connection->body, connection->head, head_end, 1);
    connection->closes = connection->body.kind == BODY_UNTIL_CLOSE || (wish != NULL && strncasecmp(wish, "close", 5) == 0);
    connection->state = READING;
  }
  size_t used = body_feed(&connection->body, bytes, count, take_body, connection);
  if (connection->body.at == BODY_BAD || used < count) return fail(connection, &errors.broken);
  if (connection->body.at == BODY_ENDED) take_end(connection);
}

static void take_close(struct connection *connection) {
  // A server may close what it holds idle; that is no error.
  if (connection->state == IDLE) return drop_idle(connection);
  if (connection->state == READING && connection->body.kind == BODY_UNTIL_CLOSE) return take_end(connection);
  fail(connection, connection->state == CONNECTING ? &errors.connect : &errors.broken);
}

static void serve(struct connection *connection, uint32_t events) {
  if (connection->state == CONNECTING && events & (EPOLLERR | EPOLLHUP)) return take_close(connection);
  if (connection->state == CONNECTING && events & EPOLLOUT) {
    watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
    return ask(connection);
  }
  if (connection->state == SENDING && events & EPOLLOUT) {
    send_rest(connection);
    if (connection->fd < 0) return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) return;
  ssize_t count = recv(connection->fd, incoming, sizeof incoming, 0);
  if (count < 0 && errno == EAGAIN) return;
  received_us = now_us();
  if (count > 0) take(connection, incoming, (size_t)count);
  else take_close(connection);
}

// --- modes ---

static void arrive(int64_t planned_us) {
  if (running >= CONNECTIONS_MAX) {
    errors.unfinished++;
    return;
  }
  struct connection *connection = idle;
  if (connection == NULL) return open_connection(planned_us);
  idle = connection->next;
  running++;
  connection->planned_us = planned_us;
  ask(connection);
}

static void run_load(int connections, double rate, double warm_s, double window_s, double drain_s) {
  struct edge from, to;
  int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  int64_t start = now_us();
  window_from = start + (int64_t)(warm_s * 1e6);
  window_to = window_from + (int64_t)(window_s * 1e6);
  int64_t give_up = window_to + (int64_t)(drain_s * 1e6), next = start, set_us = 0;
  if (!is_open_loop) {
    for (int at = 0; at < connections; at++) open_connection(start);
  }
  struct epoll_event ready[512];
  for (;;) {
    int64_t now = now_us();
    if (stage == WARMING && now >= window_from) {
      stage = MEASURING;
      read_edge(&from);
    }
    if (stage == MEASURING && now >= window_to) {
      stage = OVER;
      read_edge(&to);
      if (!is_open_loop) break;
    }
    if (stage == OVER && (running == 0 || now >= give_up)) break;
    if (error_count() > ERRORS_MAX) break;
    while (is_open_loop && stage != OVER && next <= now) {
      arrive(next);
      next += (int64_t)(-log(draw()) / rate * 1e6);
    }
    int64_t wake = stage == WARMING ? window_from : stage == MEASURING ? window_to : give_up;
    if (is_open_loop && stage != OVER && next < wake) wake = next;
    if (wake != set_us) set_timer(timer, wake);
    set_us = wake;
    int count = epoll_wait(epoll, ready, 512, -1);
    for (int at = 0; at < count; at++) {
      if (ready[at].data.ptr == &timer) continue;
      struct connection *connection = ready[at].data.ptr;
      if (connection->fd >= 0) serve(connection, ready[at].events);
    }
    bury();
  }
  if (stage == WARMING) read_edge(&from);
  if (stage != OVER) read_edge(&to);
  if (is_open_loop) errors.unfinished += running;
  printf("{");
  print_edges(&from, &to);
  print_histogram("latencyUs", &latency);
  print_histogram("firstEventUs", &first_event);
  print_histogram("eventDelayUs", &event_delay);
  printf("\"requests\":%lld,\"events\":%lld,\"bytes\":%lld,\"opened\":%lld,", (long long)counted.requests,
         (long long)counted.events, (long long)counted.bytes, (long long)counted.opened);
  printf("\"badStatus\":%d,", bad_status);
  printf("\"errors\":{\"connect\":%lld,\"status\":%lld,\"broken\":%lld,\"short\":%lld,\"unfinished\":%lld}}\n",
         (long long)errors.connect, (long long)errors.status, (long long)errors.broken, (long long)errors.brief,
         (long long)errors.unfinished);
}

// One try over a blocking socket; true when the answer begins with a 200.
static int ask_once(int64_t *connected_us) {
  struct sockaddr_in address = loopback(port);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), good = 0;
  struct timeval patience = {.tv_sec = 5};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0) {
    if (*connected_us == 0) *connected_us = now_us();
    if (send(fd, request, request_count, MSG_NOSIGNAL) == (ssize_t)request_count) {
      ssize_t count = recv(fd, incoming, sizeof incoming - 1, 0);
      good = count >= 12 && strncmp(incoming, "HTTP/1.1 200", 12) == 0;
    }
  }
  close(fd);
  return good;
}

static int run_cold(int core, char **command, double limit_s) {
  int64_t start = now_us(), connected = 0, answered = 0;
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    cpu_set_t cores;
    CPU_ZERO(&cores);
    CPU_SET(core, &cores);
    sched_setaffinity(0, sizeof cores, &cores);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int nowhere = open("/dev/null", O_RDWR);
    dup2(nowhere, 0);
    dup2(nowhere, 1);
    dup2(nowhere, 2);
    execv(command[0], command);
    _exit(127);
  }
  int status = 0, gone = 0;
  while (answered == 0 && !gone && now_us() - start < (int64_t)(limit_s * 1e6)) {
    if (ask_once(&connected)) answered = now_us();
    else usleep(200);
    gone = waitpid(child, &status, WNOHANG) == child;
  }
  if (!gone) {
    kill(child, SIGTERM);
    for (int at = 0; at < 300 && !gone; at++) {
      usleep(10000);
      gone = waitpid(child, &status, WNOHANG) == child;
    }
    if (!gone) kill(child, SIGKILL);
    if (!gone) waitpid(child, &status, 0);
  }
  if (answered == 0) {
    fprintf(stderr, "no good answer; wait status %d\n", status);
    return 1;
  }
  printf("{\"listenUs\":%lld,\"answerUs\":%lld}\n", (long long)(connected - start), (long long)(answered - start));
  return 0;
}

static void read_request(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) die(path);
  size_t size = 16 << 20; // Limit: 16 MiB per request
  request = malloc(size);
  request_count = fread(request, 1, size, file);
  fclose(file);
}

int main(int argc, char **argv) {
  const char *mode = "", *path = NULL;
  int option, connections = 1, core = 0;
  double rate = 1, warm_s = 1, window_s = 1, drain_s = 5;
  chance = 1;
  while ((option = getopt(argc, argv, "+m:p:f:c:r:w:d:x:s:e:b:P:k:")) != -1) {
    if (option == 'm') mode = optarg;
    else if (option == 'p') port = atoi(optarg);
    else if (option == 'f') path = optarg;
    else if (option == 'c') connections = atoi(optarg);
    else if (option == 'r') rate = atof(optarg);
    else if (option == 'w') warm_s = atof(optarg);
    else if (option == 'd') window_s = atof(optarg);
    else if (option == 'x') drain_s = atof(optarg);
    else if (option == 's') chance = strtoull(optarg, NULL, 10) * 2654435769ULL + 1;
    else if (option == 'e') event_max = atoi(optarg);
    else if (option == 'b') body_bytes_wanted = atoll(optarg);
    else if (option == 'k') core = atoi(optarg);
    else if (option == 'P') {
      for (char *id = strtok(optarg, ","); id != NULL && pid_count < PIDS_MAX; id = strtok(NULL, ",")) {
        pids[pid_count++] = atoi(id);
      }
    } else return 2;
  }
  if (path == NULL || port <= 0 || connections < 1 || connections > CONNECTIONS_MAX || rate <= 0) return 2;
  read_request(path);
  bound_process((unsigned)(warm_s + window_s + drain_s) + 10);
  is_open_loop = strcmp(mode, "open") == 0;
  if (strcmp(mode, "cold") == 0) return optind < argc ? run_cold(core, argv + optind, window_s) : 2;
  if (!is_open_loop && strcmp(mode, "closed") != 0) return 2;
  run_load(connections, rate, warm_s, window_s, drain_s);
  return 0;
}
