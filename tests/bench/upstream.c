/* The mock provider's server: sends prepared responses from files. One thread, loopback only.
 *
 * `upstream FOLDER` reads one file per response from FOLDER. A file is a list of pieces; each begins with a line
 * "MILLISECONDS LENGTH", the pause before the piece and its number of bytes. tests/bench/upstream.py writes the
 * files, and chooses a response in the same way where no C compiler is installed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 4096, READ = 1 << 18, EVENTS = 256, SHAPES = 3 };

typedef struct { int pause; size_t size; char *data; } Piece;
typedef struct { Piece *pieces; int count; } Response;
typedef struct {
    char *data;                /* the request, as far as it was received */
    size_t size, room;
    const Response *response;  /* the response that is being sent, or NULL */
    int next;                  /* its next piece */
    long long due;             /* milliseconds when that piece is sent */
} Connection;

static Connection connections[CONNECTIONS];
static Response openai[SHAPES], anthropic[SHAPES], failure; /* shapes: buffered, stream, long stream */
static int waiting;                                         /* connections that wait for their next piece */

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

static Response load(const char *folder, const char *name) {
    char path[4096];
    Response response = {NULL, 0};
    int pause;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) { perror(path); exit(1); }
    while (fscanf(file, "%d %zu", &pause, &size) == 2) {
        fgetc(file); /* the end of the line */
        Piece piece = {pause, size, malloc(size)};
        if (fread(piece.data, 1, size, file) != size) exit(1);
        response.pieces = realloc(response.pieces, (response.count + 1) * sizeof piece);
        response.pieces[response.count++] = piece;
    }
    fclose(file);
    return response;
}

static void disconnect(int fd) {
    Connection *connection = &connections[fd];
    waiting -= connection->response != NULL;
    connection->response = NULL;
    connection->size = 0;
    close(fd);
}

/* Send the pieces that are due. The sockets block, and a piece is smaller than a socket's buffer. */
static void advance(int fd) {
    Connection *connection = &connections[fd];
    while (connection->response && connection->due <= now()) {
        const Piece *piece = &connection->response->pieces[connection->next++];
        if (send(fd, piece->data, piece->size, MSG_NOSIGNAL) < 0) { disconnect(fd); return; }
        if (connection->next == connection->response->count) {
            connection->response = NULL;
            waiting--;
        } else {
            connection->due = now() + connection->response->pieces[connection->next].pause;
        }
    }
}

static int contains(const char *data, size_t size, const char *text) {
    return memmem(data, size, text, strlen(text)) != NULL;
}

static const Response *choose(const char *request, const char *body, size_t size) {
    size_t line = strcspn(request, "\r");
    if (contains(request, line, "/e500/")) return &failure;
    int shape = contains(body, size, "\"stream\":true") || contains(body, size, "\"stream\": true");
    if (shape && (contains(body, size, "-long\"") || contains(request, line, "/long/"))) shape = 2;
    return contains(request, line, "/messages") ? &anthropic[shape] : &openai[shape];
}

/* Answer the request once it is complete. */
static void respond(int fd) {
    Connection *connection = &connections[fd];
    connection->data[connection->size] = 0;
    char *end = memmem(connection->data, connection->size, "\r\n\r\n", 4);
    if (!end) return;
    char *body = end + 4;
    size_t received = connection->size - (body - connection->data);
    *end = 0;
    char *length = strcasestr(connection->data, "\r\ncontent-length:");
    int chunked = strcasestr(connection->data, "\r\ntransfer-encoding: chunked") != NULL;
    *end = '\r';
    if (length && received < strtoul(length + 17, NULL, 10)) return;
    if (chunked && (received < 5 || memcmp(body + received - 5, "0\r\n\r\n", 5))) return;
    connection->response = choose(connection->data, body, received);
    connection->size = connection->next = 0;
    connection->due = now() + connection->response->pieces[0].pause;
    waiting++;
    advance(fd);
}

static void receive(int fd) {
    Connection *connection = &connections[fd];
    if (connection->room < connection->size + READ) {
        connection->room = 2 * connection->size + READ;
        connection->data = realloc(connection->data, connection->room + 1);
    }
    ssize_t count = recv(fd, connection->data + connection->size, READ, MSG_DONTWAIT);
    if (count <= 0) { disconnect(fd); return; }
    connection->size += count;
    respond(fd);
}

static int listening(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (void *)&address, size) || listen(fd, 1024)) { perror("listen"); exit(1); }
    getsockname(fd, (void *)&address, &size);
    printf("base url  http://127.0.0.1:%d/v1\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void watch(int poll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll, EPOLL_CTL_ADD, fd, &event);
}

static void greet(int poll, int listener) {
    int on = 1, fd = accept(listener, NULL, NULL);
    if (fd < 0) return;
    if (fd >= CONNECTIONS) { close(fd); return; }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    watch(poll, fd);
}

int main(int count, char **arguments) {
    if (count != 2) return 2;
    const char *shapes[] = {"buffered", "stream", "long"};
    for (int shape = 0; shape < SHAPES; shape++) {
        char name[64];
        snprintf(name, sizeof name, "openai-%s", shapes[shape]);
        openai[shape] = load(arguments[1], name);
        snprintf(name, sizeof name, "anthropic-%s", shapes[shape]);
        anthropic[shape] = load(arguments[1], name);
    }
    failure = load(arguments[1], "failure");
    int poll = epoll_create1(0), listener = listening();
    watch(poll, listener);
    for (;;) {
        struct epoll_event events[EVENTS];
        int ready = epoll_wait(poll, events, EVENTS, waiting ? 1 : -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener) greet(poll, listener);
            else receive(events[i].data.fd);
        }
        for (int fd = 0; waiting && fd < CONNECTIONS; fd++)
            if (connections[fd].response) advance(fd);
    }
}
