// What the load generator and the mock upstream share: one clock, loopback sockets, a chunked-body reader.
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

static inline int64_t clock_ns(clockid_t clock) {
  struct timespec at;
  if (clock_gettime(clock, &at) != 0) return -1;
  return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}

// Both programs run on one host, so a stamp written by one can be subtracted by the other.
static inline int64_t now_us(void) { return clock_ns(CLOCK_MONOTONIC) / 1000; }

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, errno == 0 ? "failed" : strerror(errno));
  exit(1);
}

// Limit: the process ends by itself after `seconds`, and at once when the process that started it ends.
// 1 us of timer slack instead of 50, or every scheduled moment is late by that much.
static inline void bound_process(unsigned seconds) {
  prctl(PR_SET_TIMERSLACK, 1000UL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_IGN);
  alarm(seconds);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

static inline struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static inline void send_at_once(int fd) {
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static inline void watch(int epoll, int operation, int fd, uint32_t events, void *owner) {
  struct epoll_event event = {.events = events, .data.ptr = owner};
  if (epoll_ctl(epoll, operation, fd, &event) != 0) die("epoll_ctl");
}

// Absolute monotonic time in us; 0 switches the timer off. Setting it also clears what it has counted.
static inline void set_timer(int timer, int64_t at_us) {
  struct itimerspec when = {.it_value = {.tv_sec = at_us / 1000000, .tv_nsec = at_us % 1000000 * 1000}};
  if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &when, NULL) != 0) die("timerfd_settime");
}

// Value of a header inside a complete head, or NULL. `name` in lower case with its colon.
static inline const char *find_header(const char *head, const char *end, const char *name) {
  size_t length = strlen(name);
  for (const char *line = head; line < end;) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    if (stop == NULL) return NULL;
    if ((size_t)(stop - line) > length && strncasecmp(line, name, length) == 0) {
      const char *value = line + length;
      while (*value == ' ') value++;
      return value;
    }
    line = stop + 1;
  }
  return NULL;
}

// Reader of one body: by length, chunked, or until the connection closes.
enum body_kind { BODY_LENGTH, BODY_CHUNKED, BODY_UNTIL_CLOSE };
enum chunk_at { CHUNK_SIZE, CHUNK_EXTENSION, CHUNK_BYTES, CHUNK_AFTER, TRAILER_START, TRAILER_LINE, BODY_ENDED, BODY_BAD };
struct body {
  enum body_kind kind;
  enum chunk_at at;
  int64_t left;
  int digits;
};

static inline void body_start(struct body *body, const char *head, const char *end, int close_ends_it) {
  const char *coding = find_header(head, end, "transfer-encoding:");
  const char *length = find_header(head, end, "content-length:");
  memset(body, 0, sizeof *body);
  if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
    body->kind = BODY_CHUNKED;
    body->at = CHUNK_SIZE;
    return;
  }
  body->kind = length == NULL && close_ends_it ? BODY_UNTIL_CLOSE : BODY_LENGTH;
  body->left = length == NULL ? 0 : strtoll(length, NULL, 10);
  body->at = body->kind == BODY_LENGTH && body->left == 0 ? BODY_ENDED : CHUNK_BYTES;
}

// Takes bytes; calls `give` for each run of payload; returns how many it used (all, unless the body ended).
typedef void (*give_bytes)(void *owner, const char *bytes, size_t count);
static inline size_t body_feed(struct body *body, const char *bytes, size_t count, give_bytes give, void *owner) {
  size_t used = 0;
  while (used < count && body->at != BODY_ENDED && body->at != BODY_BAD) {
    char byte = bytes[used];
    switch (body->at) {
      case CHUNK_SIZE:
        used++;
        if (isxdigit((unsigned char)byte) && body->digits < 12) {
          body->left = body->left * 16 + (byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
          body->digits++;
        } else if (byte == '\n' && body->digits > 0) {
          body->at = body->left == 0 ? TRAILER_START : CHUNK_BYTES;
          body->digits = 0;
        } else if (byte == ';') {
          body->at = CHUNK_EXTENSION;
        } else if (byte != '\r') {
          body->at = BODY_BAD;
        }
        break;
      case CHUNK_EXTENSION:
        if (byte == '\n') body->at = CHUNK_SIZE;
        else used++;
        break;
      case CHUNK_BYTES: {
        size_t run = count - used;
        if (body->kind != BODY_UNTIL_CLOSE) {
          if ((int64_t)run > body->left) run = (size_t)body->left;
          body->left -= (int64_t)run;
        }
        give(owner, bytes + used, run);
        used += run;
        if (body->kind != BODY_UNTIL_CLOSE && body->left == 0) {
          body->at = body->kind == BODY_CHUNKED ? CHUNK_AFTER : BODY_ENDED;
        }
        break;
      }
      case CHUNK_AFTER:
        used++;
        if (byte == '\n') body->at = CHUNK_SIZE;
        else if (byte != '\r') body->at = BODY_BAD;
        break;
      case TRAILER_START:
        used++;
        if (byte == '\n') body->at = BODY_ENDED;
        else if (byte != '\r') body->at = TRAILER_LINE;
        break;
      case TRAILER_LINE:
        used++;
        if (byte == '\n') body->at = TRAILER_START;
        break;
      default:
        break;
    }
  }
  return used;
}
#endif
