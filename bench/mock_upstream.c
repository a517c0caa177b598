/* A fast mock of three upstreams, OpenAI's, Anthropic's and Gemini's: one epoll thread, HTTP/1.1 keep-alive.
 *
 * Part of Z-AI, under its licence (Apache-2.0). `make bench` builds it; by hand:
 *   cc -O2 -o mock_upstream mock_upstream.c
 *   ./mock_upstream PORT [first_byte_ms] [chunk_ms] [chunks]
 *
 * POST answers as the path asks: .../messages a message of Anthropic's, ...:generateContent Gemini's answer,
 * any other path a chat completion. With "stream": true in the body, or at ...:streamGenerateContent, that is
 * `chunks` SSE events of text, `chunk_ms` apart (0: all in one write), in what the vendor has around them; each
 * says the same at all three. A paced one says when it was written: its text is " ~" and 16 digits, microseconds
 * of CLOCK_MONOTONIC, by which paced_load.c tells how long it was under way. GET answers a model list. SIGUSR1 prints counters, among them the streams that the peer abandoned. It must not be
 * the bottleneck: it answers about 130,000 requests a second on one core.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { IDLE, STREAMING, WAITING };
enum vendor { OPENAI, ANTHROPIC, GEMINI, VENDORS };
typedef struct { char *bytes; size_t len; char *stamp; } piece; /* `stamp`: its 16 digits, of paced text only */
typedef struct { piece answer, head, *text, tail, burst; } script; /* what a vendor says */
typedef struct { int fd; char *buf; size_t len, cap; int sent; enum mode mode; enum vendor vendor; unsigned generation; } conn;
typedef struct { long long due; conn *c; unsigned generation; } event;
typedef struct { event *slot; size_t head, tail, cap; } queue; /* constant delays, so FIFO order is due order */

static int first_byte_ms, chunk_ms, chunks = 30, epoll_fd;
static unsigned long long served, streams, abandoned;
static queue first_bytes, next_chunks;
static script scripts[VENDORS];

static long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static void schedule(queue *q, int ms, conn *c) {
  if (q->tail - q->head == q->cap) {
    size_t cap = q->cap ? q->cap * 2 : 1024;
    event *slot = malloc(cap * sizeof *slot);
    for (size_t i = q->head; i < q->tail; i++) slot[i - q->head] = q->slot[i % q->cap];
    free(q->slot);
    q->slot = slot, q->tail -= q->head, q->head = 0, q->cap = cap;
  }
  q->slot[q->tail++ % q->cap] = (event){now_us() + ms * 1000LL, c, c->generation};
}

static void put(conn *c, piece said) {
  const char *p = said.bytes;
  for (size_t n = said.len; n;) {
    ssize_t w = send(c->fd, p, n, MSG_NOSIGNAL);
    if (w < 0 && errno == EAGAIN) { usleep(50); continue; }
    if (w < 0) return;
    p += w, n -= w;
  }
}

static void hang_up(conn *c) {
  if (c->mode != IDLE) abandoned++;
  epoll_ctl(epoll_fd, EPOLL_CTL_DEL, c->fd, 0);
  close(c->fd);
  c->generation++, c->fd = -1, c->mode = IDLE, c->len = 0;
}

static void write_stamp(char *stamp) {
  long long now = now_us();
  for (int i = 15; i >= 0; i--, now /= 10) stamp[i] = '0' + now % 10;
}

static void advance(conn *c) {
  script *s = &scripts[c->vendor];
  if (c->mode == WAITING) { c->mode = IDLE; put(c, s->answer); return; }
  if (c->sent == 0 && chunk_ms == 0) { c->mode = IDLE; put(c, s->burst); return; }
  if (c->sent == 0) put(c, s->head);
  if (c->sent < chunks) {
    write_stamp(s->text[c->sent].stamp);
    put(c, s->text[c->sent++]);
    schedule(&next_chunks, chunk_ms, c);
    return;
  }
  put(c, s->tail);
  c->mode = IDLE;
}

static void begin(conn *c, int is_get, int stream) {
  served++;
  if (is_get) {
    const char *body = "{\"object\":\"list\",\"data\":[{\"id\":\"gpt-5.4-mini\",\"object\":\"model\",\"created\":1,\"owned_by\":\"mock\"}]}";
    char out[512];
    int n = sprintf(out, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
    put(c, (piece){out, n, 0});
    return;
  }
  c->mode = stream ? STREAMING : WAITING, c->sent = 0, streams += stream;
  if (first_byte_ms) schedule(&first_bytes, first_byte_ms, c); else advance(c);
}

/* What follows `name` in the head that ends at `body`, or 0. */
static char *in_head(conn *c, char *body, const char *name) {
  char first = *body; /* a large body must not be searched each time that a piece of it arrives */
  *body = 0;
  char *p = strcasestr(c->buf, name);
  *body = first;
  return p ? p + strlen(name) : 0;
}

/* The length of the first whole request in the buffer, or 0. */
static size_t whole_request(conn *c, char *body) {
  size_t header = body - c->buf;
  if (in_head(c, body, "transfer-encoding: chunked")) {
    char *end = memmem(body, c->len - header, "\r\n0\r\n\r\n", 7);
    return end ? (size_t)(end + 7 - c->buf) : 0;
  }
  char *p = in_head(c, body, "content-length:");
  size_t total = header + (p ? strtoul(p, 0, 10) : 0);
  return c->len >= total ? total : 0;
}

/* Whether `name` stands in the path of the first request. */
static int asks_for(conn *c, const char *name) {
  return memmem(c->buf, strcspn(c->buf, "\r"), name, strlen(name)) != 0;
}

static void receive(conn *c) {
  for (;;) {
    if (c->cap - c->len < 65536) c->cap = c->cap ? c->cap * 2 : 131072, c->buf = realloc(c->buf, c->cap + 1);
    ssize_t r = recv(c->fd, c->buf + c->len, c->cap - c->len, 0);
    if (r < 0 && errno == EAGAIN) break;
    if (r <= 0) { hang_up(c); return; }
    c->len += r;
  }
  while (c->len) {
    c->buf[c->len] = 0;
    char *end = strstr(c->buf, "\r\n\r\n");
    size_t total = end ? whole_request(c, end + 4) : 0;
    if (!total) return;
    char *s = memmem(end + 4, total - (end + 4 - c->buf), "\"stream\"", 8);
    if (s) for (s += 8; *s == ' ' || *s == ':'; s++) {}
    int is_get = !strncmp(c->buf, "GET", 3), streams_by_path = asks_for(c, ":streamGenerateContent");
    int is_gemini = streams_by_path || asks_for(c, ":generateContent"), stream = streams_by_path || (s && *s == 't');
    c->vendor = is_gemini ? GEMINI : asks_for(c, "/messages") ? ANTHROPIC : OPENAI;
    memmove(c->buf, c->buf + total, c->len -= total);
    begin(c, is_get, stream);
    if (c->fd < 0) return;
  }
}

static void add(piece *to, const char *bytes, size_t len) {
  to->bytes = realloc(to->bytes, to->len + len);
  memcpy(to->bytes + to->len, bytes, len);
  to->len += len;
}

/* One chunk (RFC 9112, section 7.1) of a stream. */
__attribute__((format(printf, 2, 3))) static void add_chunk(piece *to, const char *format, ...) {
  char data[4096], size[20];
  va_list values;
  va_start(values, format);
  int len = vsnprintf(data, sizeof data, format, values);
  va_end(values);
  add(to, size, sprintf(size, "%x\r\n", len));
  add(to, data, len);
  add(to, "\r\n", 2);
}

static void compose_answer(script *s, const char *names, const char *body) {
  char head[512];
  add(&s->answer, head, sprintf(head, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%sContent-Length: %zu\r\n\r\n", names, strlen(body)));
  add(&s->answer, body, strlen(body));
}

static void compose_head(script *s, const char *head) {
  add(&s->head, head, strlen(head));
  s->text = calloc(chunks, sizeof *s->text);
}

#define SENTENCE "Hello! How can I assist you today? The weather in Paris is mild, with a light breeze from the west and a small chance of rain towards the evening."
#define CHUNK(rest) "data: {\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\"created\":1741570283,\"model\":\"gpt-5.4-mini-2026-03-05\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_44709d6fcb\"," rest "}\n\n"

static void compose_openai(script *s, const char *text) {
  compose_answer(s, "x-request-id: req_0a1b2c3d4e5f\r\n",
      "{\"id\":\"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT\",\"object\":\"chat.completion\",\"created\":1741569952,\"model\":\"gpt-5.4-mini-2026-03-05\","
      "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"" SENTENCE "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],"
      "\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":34,\"total_tokens\":53,\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"
      "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}},"
      "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_fc9f1d7035\"}");
  compose_head(s, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nx-request-id: req_0a1b2c3d4e5f\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < chunks; i++)
    add_chunk(&s->text[i], CHUNK("\"choices\":[{\"index\":0,\"delta\":{\"content\":\"%s\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null"), text);
  add_chunk(&s->tail, CHUNK("\"choices\":[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":null"));
  add_chunk(&s->tail, CHUNK("\"choices\":[],\"usage\":{\"prompt_tokens\":19,\"completion_tokens\":30,\"total_tokens\":49}") "data: [DONE]\n\n");
}

#define CLAUDE "\"model\":\"claude-sonnet-4-5-20250929\",\"id\":\"msg_01YRFyc8Vb6WNHYTta3JGFQJ\",\"type\":\"message\",\"role\":\"assistant\","
#define READ "\"input_tokens\":19,\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
#define LIFETIMES "\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
#define EVENT(name, rest) "event: " name "\ndata: {\"type\":\"" name "\"" rest "}\n\n"

static void compose_anthropic(script *s, const char *text) {
  compose_answer(s, "request-id: req_011CWvtZ41FBuBxadn7Q\r\n",
      "{" CLAUDE "\"content\":[{\"type\":\"text\",\"text\":\"" SENTENCE "\"}],\"stop_reason\":\"end_turn\",\"stop_sequence\":null,"
      "\"usage\":{" READ LIFETIMES "\"output_tokens\":34,\"service_tier\":\"standard\"}}");
  compose_head(s, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\nrequest-id: req_011CWvtZ41FBuBxadn7Q\r\nTransfer-Encoding: chunked\r\n\r\n");
  add_chunk(&s->head, EVENT("message_start", ",\"message\":{" CLAUDE "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{" READ LIFETIMES "\"output_tokens\":8,\"service_tier\":\"standard\"}} "));
  add_chunk(&s->head, EVENT("content_block_start", ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}     "));
  add_chunk(&s->head, "event: ping\ndata: {\"type\": \"ping\"}\n\n");
  for (int i = 0; i < chunks; i++) /* Anthropic pads its events, so that their sizes tell nothing */
    add_chunk(&s->text[i], EVENT("content_block_delta", ",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"%s\"}%*s"), text, i * 7 % 16, "");
  add_chunk(&s->tail, EVENT("content_block_stop", ",\"index\":0        "));
  add_chunk(&s->tail, EVENT("message_delta", ",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{" READ "\"output_tokens\":30}  "));
  add_chunk(&s->tail, EVENT("message_stop", "    "));
}

#define SAID(text, end, counts) "{\"candidates\": [{\"content\": {\"parts\": [{\"text\": \"" text "\"}],\"role\": \"model\"}," end "\"index\": 0}],\"usageMetadata\": {\"promptTokenCount\": 19," counts ",\"promptTokensDetails\": [{\"modality\": \"TEXT\",\"tokenCount\": 19}]},\"modelVersion\": \"gemini-2.5-flash\",\"responseId\": \"je5BacePHNfpz7IP1LGRsQc\"}"
#define STOPPED "\"finishReason\": \"STOP\","

static void compose_gemini(script *s, const char *text) {
  compose_answer(s, "Server-Timing: gfet4t7; dur=689\r\n", SAID(SENTENCE, STOPPED, "\"candidatesTokenCount\": 34,\"totalTokenCount\": 53"));
  compose_head(s, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Disposition: attachment\r\nServer-Timing: gfet4t7; dur=689\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (int i = 0; i < chunks; i++)
    add_chunk(&s->text[i], "data: " SAID("%s", "", "\"candidatesTokenCount\": %d,\"totalTokenCount\": %d") "\r\n\r\n", text, i + 1, i + 20);
  add_chunk(&s->tail, "data: " SAID("", STOPPED, "\"candidatesTokenCount\": %d,\"totalTokenCount\": %d") "\r\n\r\n", chunks, chunks + 19);
}

static void compose(void) {
  const char *text = chunk_ms ? " ~0000000000000000" : " token";
  compose_openai(&scripts[OPENAI], text);
  compose_anthropic(&scripts[ANTHROPIC], text);
  compose_gemini(&scripts[GEMINI], text);
  for (script *s = scripts; s < scripts + VENDORS; s++) {
    add(&s->tail, "0\r\n\r\n", 5);
    add(&s->burst, s->head.bytes, s->head.len);
    for (int i = 0; i < chunks; i++) {
      if (chunk_ms) s->text[i].stamp = (char *)memmem(s->text[i].bytes, s->text[i].len, " ~", 2) + 2;
      add(&s->burst, s->text[i].bytes, s->text[i].len);
    }
    add(&s->burst, s->tail.bytes, s->tail.len);
  }
}

static void report(int signal) {
  (void)signal;
  fprintf(stderr, "served=%llu streams=%llu abandoned=%llu\n", served, streams, abandoned);
}

static int wait_ms(void) {
  int ms = -1;
  queue *qs[] = {&first_bytes, &next_chunks};
  for (int i = 0; i < 2; i++)
    if (qs[i]->head < qs[i]->tail) {
      long long left = qs[i]->slot[qs[i]->head % qs[i]->cap].due - now_us();
      int m = left <= 0 ? 0 : (left + 999) / 1000;
      if (ms < 0 || m < ms) ms = m;
    }
  return ms;
}

static void run_due(queue *q) {
  long long now = now_us();
  while (q->head < q->tail && q->slot[q->head % q->cap].due <= now) {
    event e = q->slot[q->head++ % q->cap];
    if (e.generation == e.c->generation && e.c->fd >= 0) advance(e.c);
  }
}

int main(int argc, char **argv) {
  int port = argc > 1 ? atoi(argv[1]) : 9100, one = 1;
  if (argc > 2) first_byte_ms = atoi(argv[2]);
  if (argc > 3) chunk_ms = atoi(argv[3]);
  if (argc > 4) chunks = atoi(argv[4]);
  signal(SIGUSR1, report);
  compose();
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (bind(listener, (void *)&a, sizeof a) || listen(listener, 4096)) { perror("bind"); return 1; }
  epoll_fd = epoll_create1(0);
  struct epoll_event watch = {.events = EPOLLIN}, ready[512];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &watch);
  for (;;) {
    int n = epoll_wait(epoll_fd, ready, 512, wait_ms());
    for (int i = 0; i < n; i++) {
      conn *c = ready[i].data.ptr;
      if (c) { if (c->fd >= 0) receive(c); continue; }
      for (int fd; (fd = accept4(listener, 0, 0, SOCK_NONBLOCK)) >= 0;) {
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        conn *fresh = calloc(1, sizeof *fresh);
        fresh->fd = fd;
        struct epoll_event w = {.events = EPOLLIN, .data.ptr = fresh};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &w);
      }
    }
    run_due(&first_bytes);
    run_due(&next_chunks);
  }
}
