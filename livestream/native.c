/* A batch for many viewers in one call: nonces, AES-128-GCM, and datagrams to the kernel. What leaves is byte for byte
 * what egress.py and srtp.py send without it; native.py describes the arguments.
 *
 * libcrypto is looked up when the process starts, so that building needs a C compiler and nothing else. The few
 * functions used are the same in OpenSSL 1.1 and 3.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { KEY = 16, NONCE = 12, HEADER = 12, TAG = 16, GET_TAG = 0x10, UDP_SEGMENTS = 103 };
/* Sealed bytes and messages that are handed to the kernel at once: they should still be in the core's cache then. */
enum { ARENA = 192 * 1024, MESSAGES = 64, LARGEST = 70000 };

typedef int (*transmit_t)(int, struct mmsghdr *, unsigned, int);

struct viewer {
    void *context;
    int socket; /* -1: nothing is sent */
    socklen_t address_length;
    struct sockaddr_storage address;
    uint8_t salt[NONCE];
};

/* What one message holds: which viewer's, which call, its first item, and how many. */
struct origin {
    int viewer, call, item, items;
};

static struct {
    void *(*new_context)(void);
    void (*free_context)(void *);
    const void *(*aes_128_gcm)(void);
    int (*begin)(void *, const void *, void *, const uint8_t *, const uint8_t *);
    int (*update)(void *, uint8_t *, int *, const uint8_t *, int);
    int (*finish)(void *, uint8_t *, int *);
    int (*control)(void *, int, int, void *);
} crypto;

/* Only one thread, that of the event loop, sends; `native.py` asserts nothing more than Python's own rules do. */
static __thread uint8_t arena[ARENA + LARGEST];
static __thread struct mmsghdr messages[MESSAGES];
static __thread struct iovec parts[MESSAGES];
static __thread struct origin origins[MESSAGES];
static __thread union {
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(uint16_t))];
} controls[MESSAGES];

/* Look up libcrypto: 1 if all is there. */
int vitrine_load(const char *name)
{
    void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return 0;
    *(void **)&crypto.new_context = dlsym(library, "EVP_CIPHER_CTX_new");
    *(void **)&crypto.free_context = dlsym(library, "EVP_CIPHER_CTX_free");
    *(void **)&crypto.aes_128_gcm = dlsym(library, "EVP_aes_128_gcm");
    *(void **)&crypto.begin = dlsym(library, "EVP_EncryptInit_ex");
    *(void **)&crypto.update = dlsym(library, "EVP_EncryptUpdate");
    *(void **)&crypto.finish = dlsym(library, "EVP_EncryptFinal_ex");
    *(void **)&crypto.control = dlsym(library, "EVP_CIPHER_CTX_ctrl");
    return crypto.new_context && crypto.free_context && crypto.aes_128_gcm && crypto.begin && crypto.update &&
           crypto.finish && crypto.control;
}

void vitrine_close(struct viewer *viewer)
{
    if (viewer)
        crypto.free_context(viewer->context);
    free(viewer);
}

/* Make a viewer from a session key and a session salt; NULL without memory. */
struct viewer *vitrine_open(const uint8_t *key, const uint8_t *salt)
{
    struct viewer *viewer = calloc(1, sizeof *viewer);
    if (!viewer)
        return NULL;
    viewer->socket = -1;
    memcpy(viewer->salt, salt, NONCE);
    viewer->context = crypto.new_context();
    if (!viewer->context || crypto.begin(viewer->context, crypto.aes_128_gcm(), NULL, key, NULL) != 1) {
        if (viewer->context)
            crypto.free_context(viewer->context);
        free(viewer);
        return NULL;
    }
    return viewer;
}

void vitrine_aim(struct viewer *viewer, int socket, const void *address, uint32_t length)
{
    viewer->socket = length <= sizeof viewer->address ? socket : -1;
    if (viewer->socket >= 0)
        memcpy(&viewer->address, address, length);
    viewer->address_length = length;
}

/* RFC 7714: header as it is, payload encrypted, tag; `base` is what the salt is combined with. Returns its length. */
static int seal(struct viewer *viewer, const uint8_t *base, const uint8_t *header, const uint8_t *body, int size,
                uint8_t *out)
{
    uint8_t nonce[NONCE];
    int length;
    for (int i = 0; i < NONCE; i++)
        nonce[i] = base[i] ^ viewer->salt[i];
    memcpy(out, header, HEADER);
    if (crypto.begin(viewer->context, NULL, NULL, NULL, nonce) != 1 ||
        crypto.update(viewer->context, NULL, &length, header, HEADER) != 1 ||
        crypto.update(viewer->context, out + HEADER, &length, body, size) != 1 ||
        crypto.finish(viewer->context, out + HEADER + size, &length) != 1 ||
        crypto.control(viewer->context, GET_TAG, TAG, out + HEADER + size) != 1)
        return -1;
    return HEADER + size + TAG;
}

struct batch {
    struct viewer *const *viewers;
    const uint32_t *sizes; /* of each item's body */
    int32_t *full;         /* triples: viewer, call, item in the call */
    int full_count;
    int blocked; /* the viewer that gets no more of this batch, -1: nobody */
    int segments;
    int errors;
    int count; /* messages that wait */
    size_t used;
    transmit_t transmit;
};

static void note_full(struct batch *batch, struct origin from, int item)
{
    int32_t *place = batch->full + 3 * batch->full_count++;
    place[0] = from.viewer;
    place[1] = from.call;
    place[2] = from.item + item;
    batch->blocked = from.viewer;
}

static int transmit(struct batch *batch, int socket, struct mmsghdr *first, unsigned count)
{
    int sent;
    do
        sent = batch->transmit(socket, first, count, MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent;
}

/* The kernel refused a train, or knows no segmentation: the same bytes, one datagram a message. */
static void singly(struct batch *batch, struct mmsghdr *message, struct origin from)
{
    const int socket = batch->viewers[from.viewer]->socket;
    uint8_t *data = message->msg_hdr.msg_iov->iov_base;
    for (int i = 0; i < from.items; i++) {
        struct iovec part = {data, HEADER + batch->sizes[i] + TAG};
        struct mmsghdr one = {.msg_hdr = {.msg_name = message->msg_hdr.msg_name,
                                          .msg_namelen = message->msg_hdr.msg_namelen,
                                          .msg_iov = &part,
                                          .msg_iovlen = 1}};
        if (transmit(batch, socket, &one, 1) < 0) {
            if (errno == EAGAIN || errno == EWOULDBLOCK) {
                note_full(batch, from, i);
                return;
            }
            batch->errors++;
        }
        data += part.iov_len;
    }
}

/* Hand what waits to the kernel; behind a message without room nothing more goes to that viewer. */
static void flush(struct batch *batch, const uint32_t *call_starts)
{
    int at = 0;
    while (at < batch->count) {
        const struct origin from = origins[at];
        if (from.viewer == batch->blocked) {
            at++;
            continue;
        }
        const int socket = batch->viewers[from.viewer]->socket;
        int end = at + 1;
        while (end < batch->count && batch->viewers[origins[end].viewer]->socket == socket)
            end++;
        const int sent = transmit(batch, socket, messages + at, end - at);
        if (sent > 0) {
            at += sent;
            continue;
        }
        if (errno == EAGAIN || errno == EWOULDBLOCK) {
            note_full(batch, from, 0);
        } else if (from.items == 1) {
            batch->errors++;
        } else {
            /* EIO, EINVAL: this way out cannot split (no checksum offload, a smaller MTU). */
            if (errno == EIO || errno == EOPNOTSUPP)
                batch->segments = 0;
            const uint32_t *sizes = batch->sizes;
            batch->sizes += call_starts[from.call];
            singly(batch, messages + at, from);
            batch->sizes = sizes;
        }
        at++;
    }
    batch->count = 0;
    batch->used = 0;
}

/* Send to `viewers` the calls that `data` holds: for each item 12 bytes of nonce, the header, the body of `sizes`.
 * `calls` says how many items each call has. `full` gets triples of what had no room, at most one a viewer.
 * Returns them counted; `errors` is added to, `segments` cleared when the kernel does not split. */
int vitrine_send(struct viewer *const *viewers, int viewer_count, const uint8_t *data, const uint32_t *sizes,
                 const uint32_t *calls, int call_count, int *segments, int32_t *full, int *errors, transmit_t out)
{
    uint32_t starts[call_count + 1];
    starts[0] = 0;
    for (int c = 0; c < call_count; c++)
        starts[c + 1] = starts[c] + calls[c];
    struct batch batch = {.viewers = viewers, .sizes = sizes, .full = full, .blocked = -1, .segments = *segments,
                          .transmit = out ? out : (transmit_t)sendmmsg};
    for (int v = 0; v < viewer_count; v++) {
        struct viewer *viewer = viewers[v];
        const uint8_t *item = data;
        if (viewer->socket < 0)
            continue;
        for (int c = 0; c < call_count && batch.blocked != v; c++) {
            const int together = batch.segments ? (int)calls[c] : 1;
            for (int first = 0; first < (int)calls[c] && batch.blocked != v; first += together) {
                if (batch.count == MESSAGES || batch.used > ARENA) {
                    flush(&batch, starts);
                    if (batch.blocked == v)
                        break;
                }
                uint8_t *begin = arena + batch.used, *end = begin;
                int length = 0, segment = 0;
                for (int i = 0; i < together; i++) {
                    const uint32_t size = sizes[starts[c] + first + i];
                    length = (size_t)(end - begin) + size + HEADER + TAG > LARGEST
                                 ? -1
                                 : seal(viewer, item, item + NONCE, item + NONCE + HEADER, (int)size, end);
                    if (length < 0)
                        break;
                    segment = segment ? segment : length;
                    item += NONCE + HEADER + size;
                    end += length;
                }
                if (length < 0) {
                    /* Never seen; half a call must not leave, and the place in `data` is lost. */
                    batch.errors++;
                    c = call_count;
                    break;
                }
                const int at = batch.count++;
                parts[at] = (struct iovec){begin, end - begin};
                origins[at] = (struct origin){v, c, first, together};
                messages[at].msg_hdr = (struct msghdr){.msg_name = &viewer->address,
                                                       .msg_namelen = viewer->address_length,
                                                       .msg_iov = parts + at,
                                                       .msg_iovlen = 1};
                if (together > 1) {
                    messages[at].msg_hdr.msg_control = controls[at].bytes;
                    messages[at].msg_hdr.msg_controllen = sizeof controls[at].bytes;
                    struct cmsghdr *control = CMSG_FIRSTHDR(&messages[at].msg_hdr);
                    const uint16_t value = (uint16_t)segment;
                    control->cmsg_level = IPPROTO_UDP;
                    control->cmsg_type = UDP_SEGMENTS;
                    control->cmsg_len = CMSG_LEN(sizeof value);
                    memcpy(CMSG_DATA(control), &value, sizeof value);
                }
                batch.used += end - begin;
            }
        }
    }
    flush(&batch, starts);
    *segments = batch.segments;
    *errors += batch.errors;
    return batch.full_count;
}
