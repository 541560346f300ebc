/*
 * The kubelet of a node on which no pod has a device:
 *
 *     idle-kubelet SOCKET
 *
 * It listens on SOCKET and answers every call of gRPC with a message that has nothing in it, which is what a list of no
 * pods is, and one of no devices. Of HTTP/2 it has as much as that takes: it reads frames, and understands the headers
 * of none.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { DATA = 0, HEADERS = 1, SETTINGS = 4, PING = 6, GOAWAY = 7 };
enum { END_STREAM = 1, ACK = 1, END_HEADERS = 4 };
enum { PREFACE = 24, HEAD = 9, MOST = 1 << 14 };

/* `:status: 200` by its number, and `content-type: application/grpc`, as HPACK writes what it does not remember. */
static const unsigned char status_ok[] = "\x88\x0f\x10\x10"
					 "application/grpc";
static const unsigned char grpc_ok[] = "\x00\x0bgrpc-status\x01"
				       "0";
/* Not compressed, and no bytes long. */
static const unsigned char nothing[5];

static int get(int from, unsigned char *to, size_t size)
{
	while (size) {
		ssize_t count = read(from, to, size);

		if (count <= 0)
			return 0;
		to += count;
		size -= count;
	}
	return 1;
}

static void frame(int to, int type, int flags, uint32_t stream, const void *body, size_t size)
{
	unsigned char bytes[HEAD + 64] = {
		0, 0, size, type, flags, stream >> 24, stream >> 16, stream >> 8, stream,
	};

	memcpy(bytes + HEAD, body, size);
	if (write(to, bytes, HEAD + size) < 0)
		_exit(0);
}

static void answer(int to, uint32_t stream)
{
	frame(to, HEADERS, END_HEADERS, stream, status_ok, sizeof(status_ok) - 1);
	frame(to, DATA, 0, stream, nothing, sizeof(nothing));
	frame(to, HEADERS, END_HEADERS | END_STREAM, stream, grpc_ok, sizeof(grpc_ok) - 1);
}

/* Talks on a connection until it ends. */
static void talk(int with)
{
	unsigned char head[PREFACE], body[MOST];

	if (!get(with, head, PREFACE))
		return;
	frame(with, SETTINGS, 0, 0, NULL, 0);
	while (get(with, head, HEAD)) {
		size_t size = head[0] << 16 | head[1] << 8 | head[2];
		uint32_t stream = (uint32_t)head[5] << 24 | head[6] << 16 | head[7] << 8 | head[8];

		if (size > MOST || !get(with, body, size) || head[3] == GOAWAY)
			return;
		if (head[3] == SETTINGS && !(head[4] & ACK))
			frame(with, SETTINGS, ACK, 0, NULL, 0);
		else if (head[3] == PING && !(head[4] & ACK))
			frame(with, PING, ACK, 0, body, size);
		else if ((head[3] == HEADERS || head[3] == DATA) && head[4] & END_STREAM)
			answer(with, stream);
	}
}

int main(int count, char **words)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	if (count < 2 || strlen(words[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, words[1]);
	unlink(words[1]);
	signal(SIGCHLD, SIG_IGN);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 16)) {
		perror("idle-kubelet");
		return 1;
	}
	for (;;) {
		int with = accept(listener, NULL, NULL);

		if (with >= 0 && !fork()) {
			talk(with);
			_exit(0);
		}
		close(with);
	}
}
