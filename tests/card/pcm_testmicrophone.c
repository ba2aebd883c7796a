/*
 * A sound card with a microphone that gives only what it is told to: an ALSA plugin with one sample format,
 * one rate and one number of channels, at the pace of the machine's clock.
 *
 *	pcm.odd { type testmicrophone format "S32_LE" rate 48000 channels 2 }
 *
 * Each channel has samples of its own, always the same: 1000 in the first, -2000 in the second, 3000, -4000.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

enum { BUFFER_MAX = 1 << 20, PERIOD_MIN = 64 };

struct microphone {
	snd_pcm_ioplug_t io;
	int64_t start;
};

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static int tick(snd_pcm_ioplug_t *io, int on)
{
	long nanos = on ? (long)(io->period_size * INT64_C(1000000000) / io->rate) : 0;
	struct itimerspec every = { { 0, nanos }, { 0, nanos } };
	return timerfd_settime(io->poll_fd, 0, &every, NULL) ? -errno : 0;
}

static int microphone_start(snd_pcm_ioplug_t *io)
{
	((struct microphone *)io->private_data)->start = now();
	return tick(io, 1);
}

static int microphone_stop(snd_pcm_ioplug_t *io)
{
	((struct microphone *)io->private_data)->start = 0;
	return tick(io, 0);
}

static snd_pcm_sframes_t microphone_pointer(snd_pcm_ioplug_t *io)
{
	const struct microphone *microphone = io->private_data;
	int64_t nanos = microphone->start ? now() - microphone->start : 0;
	snd_pcm_uframes_t heard = (snd_pcm_uframes_t)((double)nanos * io->rate / 1e9);
	return (snd_pcm_sframes_t)(heard % io->buffer_size);
}

static snd_pcm_sframes_t microphone_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
					     snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
	int bytes = snd_pcm_format_physical_width(io->format) / 8, bits = snd_pcm_format_width(io->format);
	for (unsigned int channel = 0; channel < io->channels; channel++) {
		int32_t sample = (int32_t)(channel + 1) * (channel % 2 ? -1000 : 1000);
		sample *= 1 << (bits - 16);
		for (snd_pcm_uframes_t at = 0; at < size; at++) {
			const snd_pcm_channel_area_t *area = &areas[channel];
			memcpy((char *)area->addr + (area->first + (offset + at) * area->step) / 8, &sample, bytes);
		}
	}
	return (snd_pcm_sframes_t)size;
}

static int microphone_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count,
			      unsigned short *revents)
{
	uint64_t times;
	(void)count;
	*revents = fds->revents & POLLIN && read(io->poll_fd, &times, sizeof times) > 0 ? POLLIN : 0;
	return 0;
}

static int microphone_close(snd_pcm_ioplug_t *io)
{
	close(io->poll_fd);
	free(io->private_data);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = microphone_start,
	.stop = microphone_stop,
	.pointer = microphone_pointer,
	.transfer = microphone_transfer,
	.poll_revents = microphone_revents,
	.close = microphone_close,
};

static int constrain(snd_pcm_ioplug_t *io, snd_pcm_format_t format, unsigned int rate, unsigned int channels)
{
	/* The plug layer reads from memory, as the kernel's drivers share it. */
	static const unsigned int accesses[] = { SND_PCM_ACCESS_RW_INTERLEAVED, SND_PCM_ACCESS_MMAP_INTERLEAVED };
	unsigned int formats[] = { (unsigned int)format };
	unsigned int frame = channels * (unsigned int)snd_pcm_format_physical_width(format) / 8;
	int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 2, accesses);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, channels, channels);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, rate, rate);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, PERIOD_MIN * frame,
							BUFFER_MAX / 2);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 2 * PERIOD_MIN * frame,
							BUFFER_MAX);
	return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(testmicrophone)
{
	snd_config_iterator_t at, next;
	const char *id, *format = "S16_LE";
	long rate = 48000, channels = 2;
	struct microphone *microphone;
	int error;
	(void)root;
	snd_config_for_each(at, next, conf) {
		snd_config_t *entry = snd_config_iterator_entry(at);
		if (snd_config_get_id(entry, &id) < 0)
			continue;
		if (!strcmp(id, "format"))
			snd_config_get_string(entry, &format);
		else if (!strcmp(id, "rate"))
			snd_config_get_integer(entry, &rate);
		else if (!strcmp(id, "channels"))
			snd_config_get_integer(entry, &channels);
	}
	if (stream != SND_PCM_STREAM_CAPTURE)
		return -EINVAL;
	microphone = calloc(1, sizeof *microphone);
	if (!microphone)
		return -ENOMEM;
	microphone->io.version = SND_PCM_IOPLUG_VERSION;
	microphone->io.name = "A microphone that gives only this";
	microphone->io.callback = &callbacks;
	microphone->io.private_data = microphone;
	microphone->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	microphone->io.poll_events = POLLIN;
	error = snd_pcm_ioplug_create(&microphone->io, name, stream, mode);
	if (error >= 0)
		error = constrain(&microphone->io, snd_pcm_format_value(format), (unsigned int)rate,
				  (unsigned int)channels);
	if (error >= 0)
		*pcmp = microphone->io.pcm;
	return error < 0 ? error : 0;
}

SND_PCM_PLUGIN_SYMBOL(testmicrophone);
