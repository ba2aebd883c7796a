/*
 * A V4L2 camera with an odd driver, for a program that is started with it in LD_PRELOAD: a node where there
 * is none, at ODD_CAMERA_NODE, with the JPEGs of ODD_CAMERA_CLIP, 640x480 (or ODD_CAMERA_GRANTS) at 30 a second.
 * With ODD_CAMERA_CLOCK=1 the first one is the picture of 1970, and each comes at its time. What the program asks
 * of the node is answered as videodev2.h has it; what it asks of anything else goes to the C library.
 *
 * What is odd about it:
 * ODD_CAMERA_STAMPS   how its stamps lie (see `stamp`)
 * ODD_CAMERA_SIZE     the size it lists, such as 800x600; it grants 640x480 all the same
 * ODD_CAMERA_RATE     the error number (errno.h) that it refuses S_PARM with
 * ODD_CAMERA_BUFFERS  how many buffers it grants at most
 * ODD_CAMERA_OUTPUT   1: it takes pictures, too, as v4l2loopback does
 * ODD_CAMERA_GIVES    `damaged` or `empty` buffers instead of pictures; `damaged-once` until it is opened again
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum { BUFFERS_MAX = 16, PICTURES_MAX = 512, BUFFER_LENGTH = 1 << 20, PAGE = 4096 };
#define SECOND 1000000000LL
#define PERIOD (SECOND / 30)
/* What a picture takes from its stamp to the program. */
#define AGE (10 * SECOND / 1000)

static struct {
	int descriptor; /* a timer, which is readable once a picture */
	unsigned char *clip, *buffers[BUFFERS_MAX];
	size_t starts[PICTURES_MAX + 1];
	unsigned pictures, buffer_count, sequence;
	unsigned queue[2 * BUFFERS_MAX], first, last;
	int streams, openings;
	unsigned width, height;
} camera = { .descriptor = -1 };

#define NEXT(name, type) ((type)dlsym(RTLD_NEXT, name))

static const char *setting(const char *name, const char *otherwise)
{
	const char *value = getenv(name);
	return value ? value : otherwise;
}

static long number(const char *name, long otherwise)
{
	const char *value = getenv(name);
	return value ? strtol(value, NULL, 10) : otherwise;
}

static int refuse(int reason)
{
	errno = reason;
	return -1;
}

static void load_clip(void)
{
	FILE *file = fopen(setting("ODD_CAMERA_CLIP", ""), "rb");
	if (!file || fseek(file, 0, SEEK_END))
		abort();
	size_t length = (size_t)ftell(file);
	rewind(file);
	camera.clip = malloc(length);
	if (!camera.clip || fread(camera.clip, 1, length, file) != length)
		abort();
	fclose(file);
	for (size_t at = 0; at + 2 < length && camera.pictures < PICTURES_MAX; at++)
		if (!memcmp(camera.clip + at, "\xFF\xD8\xFF", 3))
			camera.starts[camera.pictures++] = at;
	camera.starts[camera.pictures] = length;
}

static int is_node(const char *path)
{
	return path && !strcmp(path, setting("ODD_CAMERA_NODE", ""));
}

static int open_node(void)
{
	if (!camera.clip)
		load_clip();
	camera.openings++;
	camera.width = 640;
	camera.height = 480;
	sscanf(setting("ODD_CAMERA_GRANTS", ""), "%ux%u", &camera.width, &camera.height);
	camera.descriptor = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	return camera.descriptor;
}

static long long stamp(void)
{
	static long long begun, before;
	const char *lie = setting("ODD_CAMERA_STAMPS", "honest");
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	long long honest = now.tv_sec * SECOND + now.tv_nsec - AGE, told = honest;
	if (!begun)
		begun = honest;
	if (!strcmp(lie, "zero")) {
		told = 0;
	} else if (!strcmp(lie, "constant")) {
		told = begun;
	} else if (!strcmp(lie, "from-start")) {
		told = honest - begun;
	} else if (!strcmp(lie, "wall-clock")) {
		clock_gettime(CLOCK_REALTIME, &now);
		told = now.tv_sec * SECOND + now.tv_nsec;
	} else if (!strcmp(lie, "pairs")) {
		told = camera.sequence % 2 ? before : honest;
	} else if (!strcmp(lie, "old")) {
		told = honest - 900 * SECOND / 1000;
	} else if (!strcmp(lie, "ahead")) {
		told = honest + 900 * SECOND / 1000;
	} else if (!strcmp(lie, "spike")) {
		told = honest + (camera.sequence == 45 ? 60 * SECOND : 0);
	} else if (!strcmp(lie, "slow")) {
		told = begun + (honest - begun) / 2;
	}
	before = told;
	return told;
}

/* The number of the picture of this time, and how long it is until that of the next, in nanoseconds. */
static unsigned long long of_now(long long *left)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (left)
		*left = PERIOD - now.tv_nsec % PERIOD;
	return now.tv_sec * 30ULL + now.tv_nsec * 30ULL / SECOND;
}

/* Pictures come as long as there are buffers for them: without any, the node is never readable. */
static int run(int on)
{
	struct itimerspec period = { { 0, on ? PERIOD : 0 }, { 0, on ? PERIOD : 0 } };
	long long left;
	if (on && number("ODD_CAMERA_CLOCK", 0)) {
		of_now(&left);
		/* Behind the boundary, whatever the timer is early by. */
		period.it_value.tv_nsec = left + SECOND / 1000;
	}
	return timerfd_settime(camera.descriptor, 0, &period, NULL);
}

static int dequeue(struct v4l2_buffer *buffer)
{
	unsigned long long periods;
	if (!camera.streams)
		return refuse(EINVAL);
	if (read(camera.descriptor, &periods, sizeof periods) != sizeof periods)
		return refuse(EAGAIN);
	if (camera.first == camera.last)
		return refuse(EAGAIN);
	unsigned index = camera.queue[camera.first++ % (2 * BUFFERS_MAX)];
	if (camera.first == camera.last)
		run(0);
	unsigned picture = (number("ODD_CAMERA_CLOCK", 0) ? of_now(NULL) : camera.sequence) % camera.pictures;
	size_t length = camera.starts[picture + 1] - camera.starts[picture];
	memcpy(camera.buffers[index], camera.clip + camera.starts[picture], length);
	long long told = stamp();
	const char *gives = setting("ODD_CAMERA_GIVES", "pictures");
	int damaged = !strcmp(gives, "damaged") || (!strcmp(gives, "damaged-once") && camera.openings == 1);
	*buffer = (struct v4l2_buffer){
		.index = index,
		.type = V4L2_BUF_TYPE_VIDEO_CAPTURE,
		.bytesused = strcmp(gives, "empty") ? (unsigned)length : 0,
		.flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC | V4L2_BUF_FLAG_TSTAMP_SRC_SOE |
			 (damaged ? V4L2_BUF_FLAG_ERROR : 0),
		.field = V4L2_FIELD_NONE,
		.timestamp = { .tv_sec = told / SECOND, .tv_usec = told % SECOND / 1000 },
		.sequence = camera.sequence++,
		.memory = V4L2_MEMORY_MMAP,
		.m.offset = index * PAGE,
		.length = BUFFER_LENGTH,
	};
	return 0;
}

static int request_buffers(struct v4l2_requestbuffers *request)
{
	unsigned most = (unsigned)number("ODD_CAMERA_BUFFERS", BUFFERS_MAX);
	if (request->count > most)
		request->count = most;
	camera.buffer_count = request->count;
	camera.first = camera.last = 0;
	for (unsigned index = 0; index < request->count; index++)
		if (!camera.buffers[index] && !(camera.buffers[index] = aligned_alloc(PAGE, BUFFER_LENGTH)))
			return refuse(ENOMEM);
	return 0;
}

static int describe(unsigned request, void *argument)
{
	switch (request) {
	case VIDIOC_QUERYCAP: {
		struct v4l2_capability *it = argument;
		memset(it, 0, sizeof *it);
		strcpy((char *)it->driver, "odd_camera");
		strcpy((char *)it->card, "Odd camera");
		strcpy((char *)it->bus_info, "platform:odd_camera");
		it->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
		if (number("ODD_CAMERA_OUTPUT", 0))
			it->device_caps |= V4L2_CAP_VIDEO_OUTPUT;
		it->capabilities = it->device_caps | V4L2_CAP_DEVICE_CAPS;
		return 0;
	}
	case VIDIOC_ENUM_FMT: {
		struct v4l2_fmtdesc *it = argument;
		if (it->index || it->type != V4L2_BUF_TYPE_VIDEO_CAPTURE)
			return refuse(EINVAL);
		it->pixelformat = V4L2_PIX_FMT_MJPEG;
		return 0;
	}
	case VIDIOC_ENUM_FRAMESIZES: {
		struct v4l2_frmsizeenum *it = argument;
		if (it->index)
			return refuse(EINVAL);
		it->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		it->discrete.width = camera.width;
		it->discrete.height = camera.height;
		sscanf(setting("ODD_CAMERA_SIZE", ""), "%ux%u", &it->discrete.width, &it->discrete.height);
		return 0;
	}
	case VIDIOC_ENUM_FRAMEINTERVALS: {
		struct v4l2_frmivalenum *it = argument;
		if (it->index)
			return refuse(EINVAL);
		it->type = V4L2_FRMIVAL_TYPE_DISCRETE;
		it->discrete = (struct v4l2_fract){ 1, 30 };
		return 0;
	}
	default:
		return refuse(ENOTTY);
	}
}

static int answer(unsigned request, void *argument)
{
	switch (request) {
	case VIDIOC_G_FMT:
	case VIDIOC_S_FMT: {
		struct v4l2_pix_format *it = &((struct v4l2_format *)argument)->fmt.pix;
		*it = (struct v4l2_pix_format){ .width = camera.width, .height = camera.height, .pixelformat = V4L2_PIX_FMT_MJPEG,
						.field = V4L2_FIELD_NONE, .sizeimage = BUFFER_LENGTH };
		return 0;
	}
	case VIDIOC_S_PARM:
		if (number("ODD_CAMERA_RATE", 0))
			return refuse((int)number("ODD_CAMERA_RATE", 0));
		/* fall through */
	case VIDIOC_G_PARM:
		((struct v4l2_streamparm *)argument)->parm.capture.timeperframe = (struct v4l2_fract){ 1, 30 };
		return 0;
	case VIDIOC_S_INPUT:
		return *(int *)argument ? refuse(EINVAL) : 0;
	case VIDIOC_REQBUFS:
		return request_buffers(argument);
	case VIDIOC_QUERYBUF: {
		struct v4l2_buffer *it = argument;
		if (it->index >= camera.buffer_count)
			return refuse(EINVAL);
		it->length = BUFFER_LENGTH;
		it->m.offset = it->index * PAGE;
		return 0;
	}
	case VIDIOC_QBUF:
		if (camera.streams && camera.first == camera.last)
			run(1);
		camera.queue[camera.last++ % (2 * BUFFERS_MAX)] = ((struct v4l2_buffer *)argument)->index;
		return 0;
	case VIDIOC_DQBUF:
		return dequeue(argument);
	case VIDIOC_STREAMON:
		camera.streams = 1;
		camera.sequence = 0;
		return run(1);
	case VIDIOC_STREAMOFF:
		camera.streams = 0;
		return 0;
	default:
		return describe(request, argument);
	}
}

static int is_camera(int descriptor)
{
	return descriptor >= 0 && descriptor == camera.descriptor;
}

int access(const char *path, int mode)
{
	return is_node(path) ? 0 : NEXT("access", int (*)(const char *, int))(path, mode);
}

int open(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = va_arg(rest, int);
	va_end(rest);
	return is_node(path) ? open_node() : NEXT("open", int (*)(const char *, int, ...))(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list rest;
	va_start(rest, flags);
	int mode = va_arg(rest, int);
	va_end(rest);
	return is_node(path) ? open_node() : NEXT("open64", int (*)(const char *, int, ...))(path, flags, mode);
}

int ioctl(int descriptor, unsigned long request, ...)
{
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	if (is_camera(descriptor))
		return answer((unsigned)request, argument);
	return NEXT("ioctl", int (*)(int, unsigned long, ...))(descriptor, request, argument);
}

long syscall(long number, ...)
{
	long of[6];
	va_list rest;
	va_start(rest, number);
	for (int at = 0; at < 6; at++)
		of[at] = va_arg(rest, long);
	va_end(rest);
	if (number == SYS_ioctl && is_camera((int)of[0]))
		return answer((unsigned)of[1], (void *)of[2]);
	return NEXT("syscall", long (*)(long, ...))(number, of[0], of[1], of[2], of[3], of[4], of[5]);
}

static void *map(off64_t offset)
{
	size_t index = (size_t)offset / PAGE;
	if (index >= camera.buffer_count) {
		errno = EINVAL;
		return MAP_FAILED;
	}
	return camera.buffers[index];
}

void *mmap(void *at, size_t length, int protection, int flags, int descriptor, off_t offset)
{
	if (is_camera(descriptor))
		return map(offset);
	return NEXT("mmap", void *(*)(void *, size_t, int, int, int, off_t))(at, length, protection, flags, descriptor,
									    offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int descriptor, off64_t offset)
{
	if (is_camera(descriptor))
		return map(offset);
	return NEXT("mmap64", void *(*)(void *, size_t, int, int, int, off64_t))(at, length, protection, flags, descriptor,
									      offset);
}

int munmap(void *at, size_t length)
{
	for (unsigned index = 0; index < BUFFERS_MAX; index++)
		if (at && at == camera.buffers[index])
			return 0;
	return NEXT("munmap", int (*)(void *, size_t))(at, length);
}
