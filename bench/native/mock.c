// Mock upstream of the load bench: one thread, one epoll, loopback only.
//
// A request whose body has `"stream":true` among its first bytes is answered with a chunked event stream: head and first
// event after -t ms, then one event every -g ms, -e events in all, [DONE] with the last one. Anything else is answered at
// once with a JSON completion of exactly -r bytes. Each event carries the monotonic time at which it was written.
//
//   GET /stats                         counters since the start
//   x-bench-delay-ms: 1000 (request)   the JSON answer comes so much later
//   x-bench-echo: 1 (request)          the answer tells in x-mock-* headers which model, key and body length arrived
#include "common.h"

#define HEAD_MAX 16384  // Limit: a longer request head closes the connection
#define PEEK_MAX 512    // bytes of the body that are looked at
#define OUT_MAX 65536   // Limit: a reader that is this far behind is cut off
#define CONNECTIONS_MAX 16384
#define DELAY_MAX_MS 60000  // Limit: an answer that is asked to come later comes then

struct connection {
  int fd;
  enum { READ_HEAD, READ_BODY, ANSWER } state;
  size_t head_count;
  char head[HEAD_MAX + 1];
  struct body body;
  int64_t body_count;
  size_t peek_count;
  char peek[PEEK_MAX + 1];
  int is_stream;
  int event;         // next event to write
  int64_t due_us;    // when the next event, or the delayed answer, is to be written
  int heap_at;       // place in the heap, -1 when nothing is due
  char *out;         // what the socket did not take yet
  size_t out_from, out_to;
  struct connection *next_dead;
};

static struct {
  int64_t accepted, requests, streams, aborted, bad;
} counted;

static int epoll, timer;
static int first_ms = 100, gap_ms = 20, event_max = 100, reply_bytes = 1200;
static struct connection *heap[CONNECTIONS_MAX];
static int heap_count, open_count;
static struct connection *dead;
static char incoming[262144];
static char *reply;
static char words[] = "measured, ";

// --- the heap of connections by due time ---

static void heap_place(int at, struct connection *connection) {
  heap[at] = connection;
  connection->heap_at = at;
}

static void heap_settle(int at) {
  struct connection *moved = heap[at];
  while (at > 0 && heap[(at - 1) / 2]->due_us > moved->due_us) {
    heap_place(at, heap[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  for (;;) {
    int child = 2 * at + 1;
    if (child >= heap_count) break;
    if (child + 1 < heap_count && heap[child + 1]->due_us < heap[child]->due_us) child++;
    if (heap[child]->due_us >= moved->due_us) break;
    heap_place(at, heap[child]);
    at = child;
  }
  heap_place(at, moved);
}

static void heap_remove(struct connection *connection) {
  int at = connection->heap_at;
  if (at < 0) return;
  connection->heap_at = -1;
  heap_count--;
  if (at == heap_count) return;
  heap_place(at, heap[heap_count]);
  heap_settle(at);
}

static void heap_add(struct connection *connection) {
  heap_place(heap_count++, connection);
  heap_settle(heap_count - 1);
}

// --- connections ---

// Freed only after the current batch of epoll events, which may still name it.
static void drop(struct connection *connection) {
  if (connection->fd < 0) return;
  if (connection->state == ANSWER) counted.aborted++;
  heap_remove(connection);
  close(connection->fd);
  connection->fd = -1;
  connection->next_dead = dead;
  dead = connection;
  open_count--;
}

static void bury(void) {
  while (dead != NULL) {
    struct connection *next = dead->next_dead;
    free(dead->out);
    free(dead);
    dead = next;
  }
}

static void write_out(struct connection *connection, const char *bytes, size_t count) {
  if (connection->out_to == connection->out_from) {
    ssize_t sent = send(connection->fd, bytes, count, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return drop(connection);
    if (sent < 0) sent = 0;
    bytes += sent;
    count -= (size_t)sent;
    if (count == 0) return;
    if (connection->out == NULL) connection->out = malloc(OUT_MAX);
    connection->out_from = connection->out_to = 0;
    watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN | EPOLLOUT, connection);
  }
  if (connection->out_to + count > OUT_MAX) return drop(connection);
  memcpy(connection->out + connection->out_to, bytes, count);
  connection->out_to += count;
}

static void flush_out(struct connection *connection) {
  size_t count = connection->out_to - connection->out_from;
  ssize_t sent = send(connection->fd, connection->out + connection->out_from, count, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN) return drop(connection);
  if (sent > 0) connection->out_from += (size_t)sent;
  if (connection->out_from == connection->out_to) {
    watch(epoll, EPOLL_CTL_MOD, connection->fd, EPOLLIN, connection);
  }
}

static void next_request(struct connection *connection) {
  connection->state = READ_HEAD;
  connection->head_count = connection->peek_count = 0;
  connection->body_count = 0;
}

// --- answers ---

// Text of `"key":"…"` among the first bytes of the body, or of a header up to its line end.
static int copy_until(char *into, size_t size, const char *from, const char *stops) {
  size_t count = from == NULL ? 0 : strcspn(from, stops);
  if (count >= size) count = size - 1;
  if (count > 0) memcpy(into, from, count);
  into[count] = 0;
  return (int)count;
}

static int echo_headers(struct connection *connection, char *into, size_t size) {
  const char *end = connection->head + connection->head_count;
  if (find_header(connection->head, end, "x-bench-echo:") == NULL) return 0;
  char model[128], key[128];
  const char *found = strstr(connection->peek, "\"model\":\"");
  copy_until(model, sizeof model, found == NULL ? NULL : found + 9, "\"");
  copy_until(key, sizeof key, find_header(connection->head, end, "authorization:"), "\r\n");
  // Backwards: a gateway lets no header pass that holds a backend key.
  for (size_t from = 0, to = strlen(key); from + 1 < to; from++) {
    char swapped = key[from];
    key[from] = key[--to];
    key[to] = swapped;
  }
  return snprintf(into, size, "x-mock-model: %s\r\nx-mock-key: %s\r\nx-mock-body-bytes: %lld\r\n", model, key,
                  (long long)connection->body_count);
}

static void answer_json(struct connection *connection, const char *body, size_t count) {
  char out[OUT_MAX / 2], echo[512];
  echo[echo_headers(connection, echo, sizeof echo)] = 0;
  int head = snprintf(out, sizeof out,
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
                      "x-request-id: req_0123456789abcdef\r\nopenai-processing-ms: 1\r\n%s\r\n",
                      count, echo);
  if ((size_t)head + count > sizeof out) return drop(connection);
  memcpy(out + head, body, count);
  next_request(connection);
  write_out(connection, out, (size_t)head + count);
}

static void answer_stats(struct connection *connection) {
  char body[256];
  int count = snprintf(body, sizeof body,
                       "{\"accepted\":%lld,\"open\":%d,\"requests\":%lld,\"streams\":%lld,\"aborted\":%lld,\"bad\":%lld}",
                       (long long)counted.accepted, open_count, (long long)counted.requests,
                       (long long)counted.streams, (long long)counted.aborted, (long long)counted.bad);
  answer_json(connection, body, (size_t)count);
}

// Every event has the same length for the same number, so a reader can know the length of the whole body.
static void write_event(struct connection *connection) {
  char event[512], out[2048], echo[512];
  int last = connection->event == event_max - 1, first = connection->event == 0;
  int count = snprintf(event, sizeof event,
                       "data: {\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
                       "\"model\":\"upstream-model\",\"t\":%16lld,\"choices\":[{\"index\":0,\"delta\":{%s\"content\":\"%s\"},"
                       "\"finish_reason\":%s}]}\n\n%s",
                       (long long)now_us(), first ? "\"role\":\"assistant\"," : "", words, last ? "\"stop\"" : "null",
                       last ? "data: [DONE]\n\n" : "");
  int total = 0;
  if (first) {
    echo[echo_headers(connection, echo, sizeof echo)] = 0;
    total = snprintf(out, sizeof out,
                     "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-cache\r\n"
                     "x-request-id: req_0123456789abcdef\r\nTransfer-Encoding: chunked\r\n%s\r\n",
                     echo);
  }
  total += snprintf(out + total, sizeof out - (size_t)total, "%x\r\n%s\r\n%s", count, event, last ? "0\r\n\r\n" : "");
  connection->event++;
  if (last) {
    heap_remove(connection);
    next_request(connection);
  } else {
    connection->due_us += gap_ms * 1000;
    heap_settle(connection->heap_at);
  }
  write_out(connection, out, (size_t)total);
}

static void write_delayed(struct connection *connection) {
  heap_remove(connection);
  answer_json(connection, reply, (size_t)reply_bytes);
}

static int wanted_delay_ms(struct connection *connection) {
  const char *wish = find_header(connection->head, connection->head + connection->head_count, "x-bench-delay-ms:");
  int delay_ms = wish == NULL ? 0 : atoi(wish);
  return delay_ms < 0 ? 0 : delay_ms > DELAY_MAX_MS ? DELAY_MAX_MS : delay_ms;
}

static void answer(struct connection *connection) {
  connection->state = ANSWER;
  connection->peek[connection->peek_count] = 0;
  if (strncmp(connection->head, "GET /stats ", 11) == 0) return answer_stats(connection);
  counted.requests++;
  connection->is_stream = strstr(connection->peek, "\"stream\":true") != NULL;
  int delay_ms = connection->is_stream ? first_ms : wanted_delay_ms(connection);
  if (connection->is_stream) counted.streams++;
  else if (delay_ms == 0) return answer_json(connection, reply, (size_t)reply_bytes);
  connection->event = 0;
  connection->due_us = now_us() + delay_ms * 1000;
  heap_add(connection);
}

// --- requests ---

static void take_body(void *owner, const char *bytes, size_t count) {
  struct connection *connection = owner;
  size_t room = PEEK_MAX - connection->peek_count;
  size_t kept = count < room ? count : room;
  memcpy(connection->peek + connection->peek_count, bytes, kept);
  connection->peek_count += kept;
  connection->body_count += (int64_t)count;
}

// Limit: nothing may follow a request before its answer; a proxy that pipelines is cut off and counted.
static void take(struct connection *connection, const char *bytes, size_t count) {
  if (connection->state == ANSWER) {
    counted.bad++;
    return drop(connection);
  }
  if (connection->state == READ_HEAD) {
    size_t room = HEAD_MAX - connection->head_count;
    size_t kept = count < room ? count : room;
    size_t before = connection->head_count;
    memcpy(connection->head + before, bytes, kept);
    connection->head[before + kept] = 0;
    char *end = strstr(connection->head + (before > 3 ? before - 3 : 0), "\r\n\r\n");
    if (end == NULL) {
      connection->head_count += kept;
      if (kept < count || connection->head_count == HEAD_MAX) {
        counted.bad++;
        drop(connection);
      }
      return;
    }
    connection->head_count = (size_t)(end + 4 - connection->head);
    bytes += connection->head_count - before;
    count -= connection->head_count - before;
    connection->head[connection->head_count] = 0;
    body_start(&connection->body, connection->head, connection->head + connection->head_count, 0);
    connection->state = READ_BODY;
  }
  size_t used = body_feed(&connection->body, bytes, count, take_body, connection);
  if (connection->body.at == BODY_BAD || used < count) {
    counted.bad++;
    return drop(connection);
  }
  if (connection->body.at == BODY_ENDED) answer(connection);
}

static void accept_all(int listener) {
  for (;;) {
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    struct connection *connection = open_count < CONNECTIONS_MAX ? calloc(1, sizeof *connection) : NULL;
    if (connection == NULL) {
      close(fd);
      continue;
    }
    send_at_once(fd);
    connection->fd = fd;
    connection->heap_at = -1;
    counted.accepted++;
    open_count++;
    watch(epoll, EPOLL_CTL_ADD, fd, EPOLLIN, connection);
  }
}

static void write_due(void) {
  static int64_t set_us = 0;
  int64_t now = heap_count > 0 ? now_us() : 0;
  while (heap_count > 0 && heap[0]->due_us <= now) {
    if (heap[0]->is_stream) write_event(heap[0]);
    else write_delayed(heap[0]);
  }
  int64_t next_us = heap_count > 0 ? heap[0]->due_us : 0;
  if (next_us == set_us) return;
  set_us = next_us;
  set_timer(timer, next_us);
}

static void make_reply(void) {
  static const char before[] =
      "{\"id\":\"chatcmpl-bench\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"upstream-model\","
      "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"";
  static const char after[] =
      "\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":400,\"completion_tokens\":180,\"total_tokens\":580}}";
  int least = (int)(sizeof before + sizeof after);
  if (reply_bytes < least) reply_bytes = least;
  if (reply_bytes > OUT_MAX / 4) reply_bytes = OUT_MAX / 4;
  reply = malloc((size_t)reply_bytes);
  memcpy(reply, before, sizeof before - 1);
  size_t end = (size_t)reply_bytes - (sizeof after - 1);
  for (size_t at = sizeof before - 1; at < end; at++) reply[at] = words[at % (sizeof words - 1)];
  memcpy(reply + end, after, sizeof after - 1);
}

int main(int argc, char **argv) {
  int option, port = 0, seconds = 60;
  while ((option = getopt(argc, argv, "p:t:g:e:r:T:")) != -1) {
    int value = atoi(optarg == NULL ? "" : optarg);
    if (option == 'p') port = value;
    else if (option == 't') first_ms = value;
    else if (option == 'g') gap_ms = value;
    else if (option == 'e') event_max = value;
    else if (option == 'r') reply_bytes = value;
    else if (option == 'T') seconds = value;
    else return 2;
  }
  if (seconds < 1 || event_max < 1) return 2;
  bound_process((unsigned)seconds);
  make_reply();

  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  struct sockaddr_in address = loopback(port);
  socklen_t size = sizeof address;
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 4096) != 0) die("listen");
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);

  epoll = epoll_create1(EPOLL_CLOEXEC);
  timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  watch(epoll, EPOLL_CTL_ADD, listener, EPOLLIN, &listener);
  watch(epoll, EPOLL_CTL_ADD, timer, EPOLLIN, &timer);
  struct epoll_event ready[512];
  for (;;) {
    int count = epoll_wait(epoll, ready, 512, -1);
    for (int at = 0; at < count; at++) {
      if (ready[at].data.ptr == &listener) {
        accept_all(listener);
        continue;
      }
      if (ready[at].data.ptr == &timer) continue;
      struct connection *connection = ready[at].data.ptr;
      if (connection->fd >= 0 && ready[at].events & EPOLLOUT) flush_out(connection);
      if (connection->fd >= 0 && ready[at].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t taken = recv(connection->fd, incoming, sizeof incoming, 0);
        if (taken > 0) take(connection, incoming, (size_t)taken);
        else if (taken == 0 || errno != EAGAIN) drop(connection);
      }
    }
    write_due();
    bury();
  }
}
