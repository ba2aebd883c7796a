/* What libsrtp2 makes of packets: seals or opens those that come on standard input, one by one.
 *   srtp-oracle seal|open cm|gcm SSRC ROLLOVERS
 * SSRC is that of the packets, in hexadecimal digits; ROLLOVERS is how often their sequence number has rolled over
 * before the first one. Reports may be of any source.
 *
 * In: the master key and salt, 30 bytes; then of each packet 'p' (RTP) or 'c' (RTCP), its length in two bytes, the
 * more significant one first, and the packet. Out: 'y', or 'n' if this libsrtp2 has no such suite; then for each packet
 * libsrtp2's error code, 0 if there was none, a length in the same form, and what became of the packet. */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As many packets behind the newest as StreamSocket remembers. */
#define WINDOW 4096

static unsigned char packet[65536 + SRTP_MAX_TRAILER_LEN + 4];

static void take(void *out, size_t length)
{
	if (fread(out, 1, length, stdin) != length)
		exit(2);
}

static void say(const void *bytes, size_t length)
{
	if (fwrite(bytes, 1, length, stdout) != length)
		exit(2);
}

static srtp_err_status_t apply(srtp_t session, int opens, int kind, int *length)
{
	if (kind == 'p')
		return opens ? srtp_unprotect(session, packet, length) : srtp_protect(session, packet, length);
	return opens ? srtp_unprotect_rtcp(session, packet, length) : srtp_protect_rtcp(session, packet, length);
}

static void suite(srtp_policy_t *policy, const char *name)
{
	if (strcmp(name, "gcm") == 0) {
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtp);
		srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy->rtcp);
	} else {
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtp);
		srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy->rtcp);
	}
}

static int has_session(srtp_t *session, char **arguments, int opens, unsigned char *key)
{
	srtp_policy_t one, any;
	uint32_t ssrc = strtoul(arguments[3], NULL, 16), rollovers = strtoul(arguments[4], NULL, 10);

	memset(&one, 0, sizeof one);
	suite(&one, arguments[2]);
	one.key = key;
	one.window_size = WINDOW;
	any = one;
	one.ssrc.type = ssrc_specific;
	one.ssrc.value = ssrc;
	one.next = &any;
	any.ssrc.type = opens ? ssrc_any_inbound : ssrc_any_outbound;
	return srtp_create(session, &one) == srtp_err_status_ok &&
	       srtp_set_stream_roc(*session, ssrc, rollovers) == srtp_err_status_ok;
}

int main(int count, char **arguments)
{
	unsigned char key[30], head[3];
	srtp_t session;
	int opens, kind;

	if (count != 5 || srtp_init() != srtp_err_status_ok)
		return 2;
	opens = strcmp(arguments[1], "open") == 0;
	take(key, sizeof key);
	if (!has_session(&session, arguments, opens, key)) {
		say("n", 1);
		return 0;
	}
	say("y", 1);
	fflush(stdout);
	while ((kind = getchar()) != EOF) {
		int length;
		srtp_err_status_t status;

		take(head, 2);
		length = head[0] << 8 | head[1];
		take(packet, length);
		status = apply(session, opens, kind, &length);
		if (status != srtp_err_status_ok)
			length = 0;
		head[0] = status;
		head[1] = length >> 8;
		head[2] = length;
		say(head, sizeof head);
		say(packet, length);
		fflush(stdout);
	}
	return 0;
}
