/*
 * A sound card without a loudspeaker: an ALSA plugin that plays at the pace of a clock of its own,
 * which may be wrong by a set number of parts per million, and that takes down what would be heard
 * and when. The stock `null` and `file` plugins take everything at once and prove nothing.
 *
 *	pcm.card { type testcard ppm 200 record "/tmp/heard" behind 0 }
 *
 * Behind its buffer may lie something else, as a radio link does: sound is heard so many milliseconds later.
 *
 * What is written to the record, in the machine's byte order, each piece behind a header of tag,
 * number of sample frames and nanoseconds of CLOCK_MONOTONIC:
 *	'P'  the card has been made ready: what follows begins a new stretch
 *	'D'  16-bit samples, interleaved, that were handed over
 *	'S'  the card has begun to play the stretch at that time
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

enum { POLL_MS = 2, RATE_MIN = 8000, RATE_MAX = 192000, BUFFER_MAX = 1 << 18 };

struct card {
	snd_pcm_ioplug_t io;
	FILE *record;
	double ppm;
	long behind;
	int64_t start;
	snd_pcm_uframes_t written;
};

struct header {
	uint32_t tag, frames;
	int64_t nanos;
};

static int64_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

static void note(struct card *card, char tag, uint32_t frames, int64_t nanos)
{
	struct header header = { (uint32_t)tag, frames, nanos };
	fwrite(&header, sizeof header, 1, card->record);
}

/* Sample frames that the card has played since it began. */
static snd_pcm_uframes_t played(const struct card *card)
{
	double rate = card->io.rate * (1 + card->ppm / 1e6);
	return card->start ? (snd_pcm_uframes_t)((now() - card->start) * rate / 1e9) : 0;
}

static int tick(struct card *card, int on)
{
	long nanos = on ? POLL_MS * 1000000L : 0;
	struct itimerspec every = { { 0, nanos }, { 0, nanos } };
	return timerfd_settime(card->io.poll_fd, 0, &every, NULL) ? -errno : 0;
}

static int card_prepare(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	card->start = 0;
	card->written = 0;
	note(card, 'P', 0, now());
	return tick(card, 1);
}

static int card_start(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	card->start = now();
	note(card, 'S', 0, card->start + card->behind * INT64_C(1000000));
	return 0;
}

static int card_stop(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	card->start = 0;
	fflush(card->record);
	return tick(card, 0);
}

static snd_pcm_sframes_t card_pointer(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	snd_pcm_uframes_t at = played(card);
	return at > card->written ? -EPIPE : (snd_pcm_sframes_t)(at % io->buffer_size);
}

static snd_pcm_sframes_t card_transfer(snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas,
				       snd_pcm_uframes_t offset, snd_pcm_uframes_t size)
{
	struct card *card = io->private_data;
	const char *data = (const char *)areas->addr + areas->first / 8 + offset * areas->step / 8;
	note(card, 'D', size, now());
	fwrite(data, 2 * io->channels, size, card->record);
	card->written += size;
	return size;
}

static int card_delay(snd_pcm_ioplug_t *io, snd_pcm_sframes_t *delay)
{
	struct card *card = io->private_data;
	snd_pcm_uframes_t at = played(card);
	*delay = at < card->written ? card->written - at : 0;
	if (card->start)
		*delay += card->behind * io->rate / 1000;
	return 0;
}

static int card_revents(snd_pcm_ioplug_t *io, struct pollfd *fds, unsigned int count,
			unsigned short *revents)
{
	struct card *card = io->private_data;
	uint64_t times;
	(void)count;
	*revents = 0;
	if (fds->revents & POLLIN && read(io->poll_fd, &times, sizeof times) > 0 &&
	    (card->start == 0 || card->written - played(card) < io->buffer_size))
		*revents = POLLOUT;
	return 0;
}

static int card_close(snd_pcm_ioplug_t *io)
{
	struct card *card = io->private_data;
	fclose(card->record);
	close(io->poll_fd);
	free(card);
	return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
	.start = card_start,
	.stop = card_stop,
	.pointer = card_pointer,
	.transfer = card_transfer,
	.prepare = card_prepare,
	.delay = card_delay,
	.poll_revents = card_revents,
	.close = card_close,
};

static int constrain(struct card *card)
{
	static const unsigned int accesses[] = { SND_PCM_ACCESS_RW_INTERLEAVED };
	static const unsigned int formats[] = { SND_PCM_FORMAT_S16 };
	snd_pcm_ioplug_t *io = &card->io;
	int error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_ACCESS, 1, accesses);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_list(io, SND_PCM_IOPLUG_HW_FORMAT, 1, formats);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_CHANNELS, 1, 2);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_RATE, RATE_MIN, RATE_MAX);
	if (error >= 0)
		error = snd_pcm_ioplug_set_param_minmax(io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 1024, BUFFER_MAX);
	return error;
}

SND_PCM_PLUGIN_DEFINE_FUNC(testcard)
{
	snd_config_iterator_t at, next;
	const char *id, *path = NULL;
	double ppm = 0;
	long behind = 0;
	struct card *card;
	int error;
	(void)root;
	snd_config_for_each(at, next, conf) {
		snd_config_t *entry = snd_config_iterator_entry(at);
		if (snd_config_get_id(entry, &id) < 0)
			continue;
		if (!strcmp(id, "ppm"))
			snd_config_get_ireal(entry, &ppm);
		else if (!strcmp(id, "behind"))
			snd_config_get_integer(entry, &behind);
		else if (!strcmp(id, "record"))
			snd_config_get_string(entry, &path);
	}
	if (stream != SND_PCM_STREAM_PLAYBACK || !path)
		return -EINVAL;
	card = calloc(1, sizeof *card);
	if (!card)
		return -ENOMEM;
	card->ppm = ppm;
	card->behind = behind;
	card->record = fopen(path, "wb");
	if (!card->record) {
		free(card);
		return -ENOENT;
	}
	card->io.version = SND_PCM_IOPLUG_VERSION;
	card->io.name = "A sound card that takes down what is heard";
	card->io.callback = &callbacks;
	card->io.private_data = card;
	card->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	card->io.poll_events = POLLIN;
	error = snd_pcm_ioplug_create(&card->io, name, stream, mode);
	if (error >= 0)
		error = constrain(card);
	if (error >= 0)
		*pcmp = card->io.pcm;
	return error < 0 ? error : 0;
}

SND_PCM_PLUGIN_SYMBOL(testcard);
