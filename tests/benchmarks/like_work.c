/* What callbacks of as much work take in bare C: how much of a callback's time is the machine's, which runs any program's
   first microseconds after a wait with cold caches.

   like_work HOT_US CLIP_FRAMES: each callback adds up 256 sources, each from its own place in a clip of CLIP_FRAMES, on 8
   strips, then puts these through so many filters that callbacks without waits between them take HOT_US at the median.
   Answers "HOT_US" at once, and at the end of its input a line with the time of each callback in µs. */
#include <jack/jack.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SOURCES = 256, STRIPS = 8, MOST_FRAMES = 8192, TRIES = 501, KEPT = 1 << 20, PASSES = 4096 };

static jack_client_t *client;
static jack_port_t *port;
static float *clip, strips[STRIPS][MOST_FRAMES], gains[SOURCES];
static struct { float z1, z2; } states[PASSES];
static size_t clip_frames, place;
static unsigned passes, kept;
static float took_us[KEPT];

static void work(float *out, jack_nframes_t frames)
{
    memset(strips, 0, sizeof strips);
    for (unsigned n = 0; n < SOURCES; n++) {
        const float *from = clip + (place + n * 9973u) % (clip_frames - MOST_FRAMES);
        float *to = strips[n % STRIPS], gain = gains[n];
        for (jack_nframes_t f = 0; f < frames; f++)
            to[f] += gain * from[f];
    }
    place += frames;
    for (unsigned p = 0; p < passes; p++) {
        float *x = strips[p % STRIPS], z1 = states[p].z1, z2 = states[p].z2;
        for (jack_nframes_t f = 0; f < frames; f++) { /* a biquad, transposed direct form II */
            float y = 0.9f * x[f] + z1;
            z1 = -1.7f * x[f] + 1.6f * y + z2;
            z2 = 0.8f * x[f] - 0.7f * y;
            x[f] = y;
        }
        states[p].z1 = z1;
        states[p].z2 = z2;
    }
    for (jack_nframes_t f = 0; f < frames; f++)
        for (unsigned s = 0; s < STRIPS; s++)
            out[f] += 1e-6f * strips[s][f];
}

static int process(jack_nframes_t frames, void *unused)
{
    (void)unused;
    jack_time_t begun = jack_get_time();
    float *out = jack_port_get_buffer(port, frames);
    memset(out, 0, frames * sizeof *out);
    work(out, frames);
    if (kept < KEPT)
        took_us[kept++] = jack_get_time() - begun;
    return 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double hot_us(jack_nframes_t frames)
{
    static float out[MOST_FRAMES];
    static double us[TRIES];
    for (unsigned n = 0; n < TRIES; n++) {
        jack_time_t begun = jack_get_time();
        memset(out, 0, sizeof out);
        work(out, frames);
        us[n] = jack_get_time() - begun;
    }
    qsort(us, TRIES, sizeof *us, by_size);
    return us[TRIES / 2];
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "like_work HOT_US CLIP_FRAMES\n");
        return 2;
    }
    double asked_us = atof(arguments[1]);
    clip_frames = strtoul(arguments[2], NULL, 10);
    clip = malloc(clip_frames * sizeof *clip);
    if (!clip || clip_frames <= MOST_FRAMES) {
        fprintf(stderr, "like_work: no memory for a clip of %zu frames, or it is too short\n", clip_frames);
        return 1;
    }
    for (size_t f = 0; f < clip_frames; f++)
        clip[f] = 1e-4f * ((f * 2654435761u >> 8 & 0xFFFF) / 32768.0f - 1.0f);
    for (unsigned n = 0; n < SOURCES; n++)
        gains[n] = 0.5f;
    client = jack_client_open("like_work", JackNoStartServer, NULL);
    if (!client) {
        fprintf(stderr, "like_work: no JACK server\n");
        return 1;
    }
    jack_nframes_t frames = jack_get_buffer_size(client);
    if (frames > MOST_FRAMES) {
        fprintf(stderr, "like_work: periods of %u frames are more than %u\n", frames, MOST_FRAMES);
        return 1;
    }
    while (passes < PASSES && hot_us(frames) < asked_us)
        passes += STRIPS;
    printf("%.1f\n", hot_us(frames));
    fflush(stdout);
    port = jack_port_register(client, "out", JACK_DEFAULT_AUDIO_TYPE, JackPortIsOutput, 0);
    jack_set_process_callback(client, process, NULL);
    if (!port || jack_activate(client))
        return 1;
    while (getchar() != EOF) {
    }
    jack_client_close(client);
    for (unsigned n = 0; n < kept; n++)
        printf("%.0f ", took_us[n]);
    printf("\n");
    return 0;
}
