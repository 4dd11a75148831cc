/* Stands between devlink(8) and libmnl and answers in the place of a kernel: each
 * request is answered with the messages of the file $FAKE_DEVLINK/COMMAND, a monitor
 * with those of $FAKE_DEVLINK/monitor.
 *
 *	gcc -shared -fPIC -o fake.so fake.c
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct header { uint32_t len; uint16_t type, flags; uint32_t seq, port; };

static char queue[1 << 22];
static size_t head, tail;
static int began_monitor, dummy;

static void put(const void *b, size_t n) { memcpy(queue + tail, b, n); tail += n; }

static void file(const char *name)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/%s", getenv("FAKE_DEVLINK"), name);
	int fd = open(path, O_RDONLY);
	for (ssize_t n; fd >= 0 && (n = read(fd, queue + tail, sizeof queue - tail)) > 0;)
		tail += n;
	if (fd >= 0)
		close(fd);
}

void *mnl_socket_open(int bus) { return &dummy; }
void *mnl_socket_open2(int bus, int flags) { return &dummy; }
int mnl_socket_bind(const void *s, unsigned groups, int pid) { return 0; }
int mnl_socket_close(void *s) { return 0; }
int mnl_socket_setsockopt(const void *s, int type, void *b, unsigned n) { return 0; }
int mnl_socket_getsockopt(const void *s, int type, void *b, unsigned *n) { return 0; }
unsigned mnl_socket_get_portid(const void *s) { return 1; }
int mnl_socket_get_fd(const void *s) { return open("/dev/zero", O_RDONLY); }

ssize_t mnl_socket_sendto(const void *s, const void *b, size_t n)
{
	const struct header *h = b;
	char name[16];
	snprintf(name, sizeof name, "%d", h->type == 0x10 ? 0 : ((const uint8_t *)b)[16]);
	file(name);
	struct header end = {20, 3, 2, 0, 0};
	int zero = 0;
	if (h->flags & 0x300) {
		put(&end, 16), put(&zero, 4);
	} else {
		end.len = 36, end.type = 2;
		put(&end, 16), put(&zero, 4), put(h, 16);
	}
	return n;
}

ssize_t mnl_socket_recvfrom(const void *s, void *b, size_t n)
{
	if (head == tail && !began_monitor++)
		file("monitor");
	if (head == tail)
		return 0;
	const struct header *h = (const void *)(queue + head);
	size_t len = (h->len + 3) & ~3u;
	memcpy(b, queue + head, len);
	head += len;
	return h->len;
}
