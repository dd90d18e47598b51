/* A test double of libcuda.so.1 over host memory: no GPU, no kernels, real rules.
 *
 * Streams are queues that run as late as they may: nothing happens until something waits for it, so a missing wait shows
 * as old pixels, every time. Device addresses carry a tag, so that the host cannot use them by mistake. Copies are held
 * to the bounds of what was allocated, asynchronous ones want page-locked memory, and every call wants a current context.
 * The "kernel" of a test comes in through cuLaunchHostFunc. What is not written here answers CUDA_ERROR_NOT_SUPPORTED.
 *
 * Environment: HOST_CUDA_DEVICES number of GPUs (1), HOST_CUDA_MIB device memory (256), HOST_CUDA_INTEGRATED 1 for a GPU
 * that shares the host's memory, HOST_CUDA_COPY 0 for copies that cost nothing (benchmarks), HOST_CUDA_FAIL_AT n: the
 * nth launch fails and the context stays broken, as after a real fault.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DOUBLE __attribute__((visibility("default"))) int
enum {
    OK = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201,
    NOT_READY = 600, LAUNCH_FAILED = 719, CAPTURE_INVALIDATED = 901
};
#define TAG (1ULL << 60)
#define MAX_BLOCKS 1024
#define MAX_CONTEXTS 16

typedef uint64_t Device;
typedef void (*HostFn)(void *);
typedef struct Stream Stream;
typedef struct { Stream *stream; uint64_t ticket; int64_t when_ns; int is_done; } Event;
typedef enum { COPY, RECORD, WAIT, CALL } Kind;
typedef struct Op {
    Kind kind;
    uint64_t ticket, awaited;
    void *to, *from;
    size_t bytes;
    Device device;
    Event *event;
    HostFn fn;
    void *data;
    struct Op *next;
} Op;
typedef struct { Op *head, *tail; } Queue;
struct Stream { Queue queue, *capture; int is_running; };
typedef enum { ON_DEVICE = 1, LOCKED, MAPPED } Where;
typedef struct { uintptr_t start; size_t bytes; Where where; } Block;

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static Block blocks[MAX_BLOCKS];
static size_t used_bytes;
static uint64_t tickets;
static int num_launches, is_broken, num_retained;
static char primary;
static __thread void *contexts[MAX_CONTEXTS];
static __thread int depth;
static Stream default_stream;

static long setting(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int leave(int code) {
    pthread_mutex_unlock(&lock);
    return code;
}

#define ENTER do { pthread_mutex_lock(&lock); if (!depth || !contexts[depth - 1]) return leave(INVALID_CONTEXT); \
                   if (is_broken) return leave(LAUNCH_FAILED); } while (0)

/* ---- memory ---- */

static Block *block_at(uintptr_t at, size_t bytes) {
    for (Block *b = blocks; b < blocks + MAX_BLOCKS; b++)
        if (b->bytes && at >= b->start && at + bytes <= b->start + b->bytes) return b;
    return NULL;
}

static int add_block(uintptr_t start, size_t bytes, Where where) {
    for (Block *b = blocks; b < blocks + MAX_BLOCKS; b++)
        if (!b->bytes) {
            *b = (Block){start, bytes, where};
            return OK;
        }
    return OUT_OF_MEMORY;
}

/* Where the host finds `bytes` bytes of a device address; 0 where they are not all allocated or mapped. */
__attribute__((visibility("default"))) uintptr_t host_cuda_address(Device device, size_t bytes) {
    uintptr_t at = (uintptr_t)(device & ~TAG);
    pthread_mutex_lock(&lock);
    Block *b = (device & TAG) ? block_at(at, bytes) : NULL;
    int is_there = b && b->where != LOCKED;
    leave(OK);
    return is_there ? at : 0;
}

DOUBLE host_cuda_num_blocks(void) {
    int count = 0;
    for (Block *b = blocks; b < blocks + MAX_BLOCKS; b++) count += b->bytes != 0;
    return count;
}

/* Count launches from here, for HOST_CUDA_FAIL_AT. */
DOUBLE host_cuda_fail_next(void) { num_launches = 0; return OK; }

DOUBLE host_cuda_num_retained(void) { return num_retained; }

DOUBLE cuMemAlloc_v2(Device *out, size_t bytes) {
    ENTER;
    if (used_bytes + bytes > (size_t)setting("HOST_CUDA_MIB", 256) << 20) return leave(OUT_OF_MEMORY);
    void *memory = malloc(bytes);
    memset(memory, 0xa5, bytes); /* no test may live on zeros that nobody wrote */
    used_bytes += bytes;
    *out = (uintptr_t)memory | TAG;
    return leave(add_block((uintptr_t)memory, bytes, ON_DEVICE));
}

DOUBLE cuMemFree_v2(Device device) {
    ENTER;
    Block *b = block_at((uintptr_t)(device & ~TAG), 1);
    if (!(device & TAG) || !b || b->where != ON_DEVICE) return leave(INVALID_VALUE);
    used_bytes -= b->bytes;
    free((void *)b->start);
    b->bytes = 0;
    return leave(OK);
}

DOUBLE cuMemGetInfo_v2(size_t *unused, size_t *total) {
    ENTER;
    *total = (size_t)setting("HOST_CUDA_MIB", 256) << 20;
    *unused = *total - used_bytes;
    return leave(OK);
}

DOUBLE cuMemHostRegister_v2(void *start, size_t bytes, unsigned flags) {
    ENTER;
    if (block_at((uintptr_t)start, 1)) return leave(INVALID_VALUE);
    return leave(add_block((uintptr_t)start, bytes, flags & 2 ? MAPPED : LOCKED));
}

DOUBLE cuMemHostUnregister(void *start) {
    ENTER;
    Block *b = block_at((uintptr_t)start, 1);
    if (!b || b->where == ON_DEVICE || b->start != (uintptr_t)start) return leave(INVALID_VALUE);
    b->bytes = 0;
    return leave(OK);
}

DOUBLE cuMemHostGetDevicePointer_v2(Device *out, void *start, unsigned flags) {
    ENTER;
    Block *b = block_at((uintptr_t)start, 1);
    if (!b || b->where != MAPPED) return leave(INVALID_VALUE);
    *out = (uintptr_t)start | TAG;
    return leave(OK);
}

/* ---- streams and events ---- */

static void drain(Stream *stream, uint64_t upto);

static void run(Op *op) {
    if (op->kind == COPY && setting("HOST_CUDA_COPY", 1) && host_cuda_address(op->device, op->bytes))
        memcpy(op->to, op->from, op->bytes); /* memory that was freed in between is left alone */
    if (op->kind == WAIT && op->event->stream) drain(op->event->stream, op->awaited);
    if (op->kind == RECORD && op->event->ticket == op->ticket) {
        op->event->when_ns = now_ns();
        op->event->is_done = 1;
    }
    if (op->kind == CALL) {
        if (++num_launches == setting("HOST_CUDA_FAIL_AT", 0)) is_broken = 1;
        if (is_broken) return;
        pthread_mutex_unlock(&lock); /* the function takes Python's lock, which another thread may hold */
        op->fn(op->data);
        pthread_mutex_lock(&lock);
    }
}

static void drain(Stream *stream, uint64_t upto) {
    if (stream->is_running) return;
    stream->is_running = 1;
    while (stream->queue.head && stream->queue.head->ticket <= upto) {
        Op *op = stream->queue.head;
        run(op);
        stream->queue.head = op->next;
        if (!op->next) stream->queue.tail = NULL;
        free(op);
    }
    stream->is_running = 0;
}

static int push(Stream *stream, Op given) {
    if (!stream) stream = &default_stream;
    Op *op = malloc(sizeof *op);
    *op = given;
    op->next = NULL;
    op->ticket = ++tickets;
    if (op->kind == RECORD) {
        op->event->stream = stream;
        op->event->ticket = op->ticket;
        op->event->is_done = 0;
    }
    Queue *queue = stream->capture ? stream->capture : &stream->queue;
    if (queue->tail) queue->tail->next = op; else queue->head = op;
    queue->tail = op;
    return OK;
}

DOUBLE cuStreamCreate(Stream **out, unsigned flags) {
    ENTER;
    *out = calloc(1, sizeof **out);
    return leave(OK);
}

DOUBLE cuStreamDestroy_v2(Stream *stream) {
    ENTER;
    drain(stream, UINT64_MAX);
    free(stream);
    return leave(OK);
}

DOUBLE cuStreamSynchronize(Stream *stream) {
    ENTER;
    drain(stream ? stream : &default_stream, UINT64_MAX);
    return leave(is_broken ? LAUNCH_FAILED : OK);
}

DOUBLE cuStreamWaitEvent(Stream *stream, Event *event, unsigned flags) {
    ENTER;
    return leave(push(stream, (Op){.kind = WAIT, .event = event, .awaited = event->ticket}));
}

DOUBLE cuLaunchHostFunc(Stream *stream, HostFn fn, void *data) {
    ENTER;
    return leave(push(stream, (Op){.kind = CALL, .fn = fn, .data = data}));
}

DOUBLE cuEventCreate(Event **out, unsigned flags) {
    ENTER;
    *out = calloc(1, sizeof **out);
    return leave(OK);
}

DOUBLE cuEventDestroy_v2(Event *event) {
    ENTER;
    free(event);
    return leave(OK);
}

DOUBLE cuEventRecord(Event *event, Stream *stream) {
    ENTER;
    return leave(push(stream, (Op){.kind = RECORD, .event = event}));
}

DOUBLE cuEventSynchronize(Event *event) {
    ENTER;
    if (event->stream) drain(event->stream, event->ticket);
    return leave(is_broken ? LAUNCH_FAILED : OK);
}

DOUBLE cuEventQuery(Event *event) {
    ENTER;
    return leave(event->is_done ? OK : NOT_READY);
}

DOUBLE cuEventElapsedTime_v2(float *out_ms, Event *start, Event *end) {
    ENTER;
    if (!start->is_done || !end->is_done) return leave(NOT_READY);
    *out_ms = (end->when_ns - start->when_ns) / 1e6f;
    return leave(OK);
}

DOUBLE cuEventElapsedTime(float *out_ms, Event *start, Event *end) { return cuEventElapsedTime_v2(out_ms, start, end); }

/* ---- copies ---- */

static int copy(void *to, void *from, size_t bytes, Device device, void *host, Stream *stream, int is_async) {
    Block *b = block_at((uintptr_t)host, bytes);
    if (!host_cuda_address(device, bytes) || (is_async && (!b || b->where == ON_DEVICE))) return INVALID_VALUE;
    push(stream, (Op){.kind = COPY, .to = to, .from = from, .bytes = bytes, .device = device});
    if (!is_async) drain(&default_stream, UINT64_MAX);
    return OK;
}

DOUBLE cuMemcpyHtoDAsync_v2(Device to, void *from, size_t bytes, Stream *stream) {
    ENTER;
    return leave(copy((void *)(uintptr_t)(to & ~TAG), from, bytes, to, from, stream, 1));
}

DOUBLE cuMemcpyDtoHAsync_v2(void *to, Device from, size_t bytes, Stream *stream) {
    ENTER;
    return leave(copy(to, (void *)(uintptr_t)(from & ~TAG), bytes, from, to, stream, 1));
}

DOUBLE cuMemcpyHtoD_v2(Device to, void *from, size_t bytes) {
    ENTER;
    return leave(copy((void *)(uintptr_t)(to & ~TAG), from, bytes, to, from, NULL, 0));
}

DOUBLE cuMemcpyDtoH_v2(void *to, Device from, size_t bytes) {
    ENTER;
    return leave(copy(to, (void *)(uintptr_t)(from & ~TAG), bytes, from, to, NULL, 0));
}

/* ---- graphs: a recorded queue, copied out at each launch ---- */

DOUBLE cuStreamBeginCapture_v2(Stream *stream, int mode) {
    ENTER;
    stream->capture = calloc(1, sizeof *stream->capture);
    return leave(OK);
}

DOUBLE cuStreamEndCapture(Stream *stream, Queue **out) {
    ENTER;
    *out = stream->capture;
    stream->capture = NULL;
    return leave(*out && !setting("HOST_CUDA_NO_GRAPH", 0) ? OK : CAPTURE_INVALIDATED);
}

DOUBLE cuGraphInstantiateWithFlags(Queue **out, Queue *graph, unsigned long long flags) {
    ENTER;
    *out = graph;
    return leave(OK);
}

DOUBLE cuGraphDestroy(Queue *graph) { return OK; }

DOUBLE cuGraphLaunch(Queue *graph, Stream *stream) {
    ENTER;
    for (Op *op = graph->head; op; op = op->next) push(stream, *op);
    return leave(OK);
}

DOUBLE cuGraphExecDestroy(Queue *graph) {
    ENTER;
    for (Op *op = graph->head, *next; op; op = next) {
        next = op->next;
        free(op);
    }
    free(graph);
    return leave(OK);
}

/* ---- driver, device, context ---- */

DOUBLE cuInit(unsigned flags) { return setting("HOST_CUDA_DEVICES", 1) ? OK : NO_DEVICE; }
DOUBLE cuDriverGetVersion(int *out) { *out = 13000; return OK; }
DOUBLE cuDeviceGetCount(int *out) { *out = (int)setting("HOST_CUDA_DEVICES", 1); return OK; }
DOUBLE cuDeviceGet(int *out, int ordinal) { *out = ordinal; return ordinal < setting("HOST_CUDA_DEVICES", 1) ? OK : INVALID_VALUE; }
DOUBLE cuDeviceGetName(char *out, int size, int device) { strncpy(out, "Host Memory Double", size); return OK; }
DOUBLE cuDeviceTotalMem_v2(size_t *out, int device) { *out = (size_t)setting("HOST_CUDA_MIB", 256) << 20; return OK; }
DOUBLE cuGetErrorString(int code, const char **out) { *out = "as the test double of libcuda says"; return OK; }

DOUBLE cuDeviceGetAttribute(int *out, int attribute, int device) {
    switch (attribute) {
        case 75: *out = 8; break;  /* compute capability 8.7, Orin's */
        case 76: *out = 7; break;
        case 16: *out = 8; break;  /* multiprocessors */
        case 18: *out = (int)setting("HOST_CUDA_INTEGRATED", 0); break;
        default: *out = 1;
    }
    return OK;
}

DOUBLE cuDeviceComputeCapability(int *major, int *minor, int device) { *major = 8; *minor = 7; return OK; }

DOUBLE cuDevicePrimaryCtxRetain(void **out, int device) {
    num_retained++;
    *out = &primary;
    return OK;
}

DOUBLE cuDevicePrimaryCtxRelease_v2(int device) {
    if (--num_retained == 0 && is_broken) { /* the driver tears a primary context down with its last user */
        memset(blocks, 0, sizeof blocks);
        is_broken = num_launches = used_bytes = 0;
    }
    return OK;
}

DOUBLE cuCtxPushCurrent_v2(void *context) {
    if (depth == MAX_CONTEXTS) return INVALID_CONTEXT;
    contexts[depth++] = context;
    return OK;
}

/* How many contexts this thread has pushed and not popped. */
DOUBLE host_cuda_depth(void) { return depth; }

DOUBLE cuCtxPopCurrent_v2(void **out) {
    if (!depth) return INVALID_CONTEXT;
    void *popped = contexts[--depth];
    if (out) *out = popped;
    return OK;
}

DOUBLE cuCtxGetDevice(int *out) { *out = 0; return depth ? OK : INVALID_CONTEXT; }
DOUBLE cuCtxGetApiVersion(void *context, unsigned *out) { *out = 13000; return OK; }
DOUBLE cuCtxSynchronize(void) { return OK; }
