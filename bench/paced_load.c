/* Keeps many paced streams open at once, and tells how long their chunks were under way.
 *
 * Part of Z-AI, under its licence (Apache-2.0). `make bench` builds it; by hand:
 *   cc -O2 -o paced_load paced_load.c
 *   BENCH_HEADERS=... BENCH_BODY=file BENCH_ENDING=[DONE] ./paced_load PORT PATH STREAMS CHUNKS SPREAD_MS SECONDS
 *
 * Opens STREAMS connections, whose first requests are spread over SPREAD_MS; a stream that ends is followed by
 * the next on the same connection. When all have begun it prints "begin", and SECONDS later one line of JSON
 * on what arrived between. Each chunk of mock_upstream.c says when it was written, by the clock of this machine.
 * A stream that has not CHUNKS chunks and then BENCH_ENDING, whose first byte may stand in it only once, or an
 * answer that is not a 200 in chunks, is broken.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum place { HEAD, SIZE, SIZE_END, DATA, DATA_END, TRAILER };
typedef struct {
  int fd, chunks, stamped, last;
  enum place place;
  size_t left, head_len, ending_seen;
  long long stamp;
  char head[8192];
} stream;

static int epoll_fd, port, chunks_wanted, measuring;
static char *request, *ending;
static size_t request_len, ending_len;
static unsigned long long whole, broken;
static unsigned *latency;
static size_t latencies, room;
static char first_trouble[160];

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void ask(stream *s) {
  s->place = HEAD, s->head_len = 0, s->ending_seen = 0, s->chunks = s->stamped = 0, s->stamp = 0;
  for (size_t sent = 0; sent < request_len;) {
    ssize_t w = send(s->fd, request + sent, request_len - sent, MSG_NOSIGNAL);
    if (w < 0 && errno == EAGAIN) { usleep(50); continue; }
    if (w < 0) return; /* the end of the connection is read too */
    sent += w;
  }
}

static void open_stream(stream *s) {
  int one = 1;
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  if (connect(s->fd, (void *)&a, sizeof a)) { perror("connect"); exit(1); }
  struct epoll_event w = {.events = EPOLLIN, .data.ptr = s};
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, s->fd, &w);
  ask(s);
}

static void break_off(stream *s, const char *why) {
  if (!broken++) {
    char line[100];
    int n = strcspn(s->head, "\r\n");
    snprintf(line, sizeof line, "%.*s", s->place == HEAD && !s->head_len ? 0 : n, s->head);
    for (char *p = line; *p; p++) if (*p == '"' || *p == '\\' || *p < ' ') *p = ' ';
    snprintf(first_trouble, sizeof first_trouble, "%s (%s, %d chunks)", why, line, s->chunks);
  }
  close(s->fd);
  if (broken > 1000) return; /* enough to know that it does not work */
  open_stream(s);
}

static void arrived(long long stamp, long long now) {
  if (!measuring) return;
  if (latencies == room) latency = realloc(latency, (room = room ? room * 2 : 1 << 16) * sizeof *latency);
  latency[latencies++] = now - stamp;
}

/* One byte of the events: counts stamps and looks for the ending. */
static void event_byte(stream *s, char b, long long now) {
  if (b == '~') { s->stamped = 1, s->stamp = 0; return; }
  if (s->stamped && b >= '0' && b <= '9') {
    s->stamp = s->stamp * 10 + b - '0';
    if (++s->stamped == 17) s->chunks++, s->stamped = 0, arrived(s->stamp, now);
    return;
  }
  s->stamped = 0;
  if (s->ending_seen < ending_len) s->ending_seen = b == ending[s->ending_seen] ? s->ending_seen + 1 : b == *ending;
}

static int head_is_good(stream *s) {
  s->head[s->head_len] = 0;
  return !strncmp(s->head, "HTTP/1.1 200", 12) && strcasestr(s->head, "\r\ntransfer-encoding: chunked");
}

/* Takes one byte of an answer in chunks (RFC 9112, section 7.1); says 1 at its end, -1 where it is none. */
static int answer_byte(stream *s, char b, long long now) {
  switch (s->place) {
  case HEAD:
    if (s->head_len + 1 == sizeof s->head) return -1;
    s->head[s->head_len++] = b;
    if (b != '\n' || s->head_len < 4 || memcmp(s->head + s->head_len - 4, "\r\n\r\n", 4)) return 0;
    if (!head_is_good(s)) return -1;
    s->place = SIZE, s->left = 0;
    return 0;
  case SIZE:
    if (b == '\r') s->place = SIZE_END;
    else if (b >= '0' && b <= '9') s->left = s->left * 16 + b - '0';
    else if ((b | 32) >= 'a' && (b | 32) <= 'f') s->left = s->left * 16 + (b | 32) - 'a' + 10;
    else return -1;
    return 0;
  case SIZE_END: s->place = s->left ? DATA : TRAILER, s->last = 0; return 0;
  case DATA:
    event_byte(s, b, now);
    if (!--s->left) s->place = DATA_END;
    return 0;
  case DATA_END:
    if (b == '\n') s->place = SIZE;
    return 0;
  case TRAILER: /* empty: no trailers are expected */ return b == '\n' ? 1 : 0;
  }
  return -1;
}

static void receive(stream *s) {
  static char piece[65536];
  ssize_t n = recv(s->fd, piece, sizeof piece, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) { break_off(s, "the connection ended"); return; }
  long long now = now_us();
  for (ssize_t i = 0; i < n; i++) {
    int end = answer_byte(s, piece[i], now);
    if (end < 0) { break_off(s, "not an answer in chunks"); return; }
    if (!end) continue;
    if (s->chunks != chunks_wanted || s->ending_seen != ending_len) { break_off(s, "not a whole stream"); return; }
    whole++;
    ask(s);
    return;
  }
}

static void wait_until(long long due) {
  struct epoll_event ready[512];
  for (long long left; (left = due - now_us()) > 0;) {
    int n = epoll_wait(epoll_fd, ready, 512, (left + 999) / 1000);
    for (int i = 0; i < n; i++) receive(ready[i].data.ptr);
    if (broken > 1000) return;
  }
}

static int by_size(const void *a, const void *b) {
  unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
  return x < y ? -1 : x > y;
}

static unsigned at(double share) {
  return latencies ? latency[(size_t)(share * (latencies - 1))] : 0;
}

static void compose(const char *path) {
  char *headers = getenv("BENCH_HEADERS"), *name = getenv("BENCH_BODY");
  ending = getenv("BENCH_ENDING");
  FILE *file = name ? fopen(name, "rb") : 0;
  if (!headers || !file || !ending) { fprintf(stderr, "BENCH_HEADERS, BENCH_BODY and BENCH_ENDING have to be set\n"); exit(1); }
  ending_len = strlen(ending);
  char *body = malloc(1 << 20);
  size_t len = fread(body, 1, 1 << 20, file);
  request = malloc(len + strlen(headers) * 2 + 1024);
  request_len = sprintf(request, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\n", path, port, len);
  for (char *line = strtok(strdup(headers), "\n"); line; line = strtok(0, "\n"))
    request_len += sprintf(request + request_len, "%s\r\n", line);
  request_len += sprintf(request + request_len, "\r\n");
  memcpy(request + request_len, body, len);
  request_len += len;
  fclose(file);
}

int main(int argc, char **argv) {
  if (argc != 7) { fprintf(stderr, "usage: paced_load PORT PATH STREAMS CHUNKS SPREAD_MS SECONDS\n"); return 1; }
  port = atoi(argv[1]), chunks_wanted = atoi(argv[4]);
  int streams = atoi(argv[3]), spread_ms = atoi(argv[5]);
  double seconds = atof(argv[6]);
  compose(argv[2]);
  epoll_fd = epoll_create1(0);
  stream *every = calloc(streams, sizeof *every);
  long long began = now_us();
  for (int i = 0; i < streams; i++) {
    wait_until(began + (long long)spread_ms * 1000 * i / streams);
    open_stream(&every[i]);
  }
  wait_until(began + spread_ms * 1000LL);
  long long from = now_us();
  unsigned long long whole_before = whole;
  measuring = 1;
  printf("begin\n"), fflush(stdout);
  wait_until(from + (long long)(seconds * 1000000));
  long long took = now_us() - from;
  qsort(latency, latencies, sizeof *latency, by_size);
  printf("{\"chunks\":%zu,\"microseconds\":%lld,\"whole\":%llu,\"broken\":%llu,\"trouble\":\"%s\",\"p50\":%u,\"p99\":%u}\n",
         latencies, took, whole - whole_before, broken, first_trouble, at(.5), at(.99));
  return 0;
}
