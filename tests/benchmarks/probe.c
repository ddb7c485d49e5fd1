/* Measures how long it takes from a UDP message to its sound: a JACK client that sends and listens.

   probe [options] NAME PORT SOURCE MESSAGES  [NAME PORT SOURCE MESSAGES ...]

   NAME      of an engine, as it is printed            PORT     UDP port of the engine on 127.0.0.1
   SOURCE    JACK port that it plays into              MESSAGES file of messages that start a sound, sent in turn:
                                                       big-endian 32-bit length, OSC message, over and over
   -n N      shots of each engine (1000)               -w N     shots before them that are not printed (20)
   -a MS     time-tagged pairs, MS ahead (0: plain messages)
   -t LEVEL  a sample above this is sound (0.05)       -q MS    silence between two shots of an engine (2)
   -c FILE   messages of the same form, sent after each onset (to cut a long sound short)

   Engines are shot in turn. Shots sweep evenly over the period's phase. One line for each shot:

   shot NAME SENT_US NEXT_FRAME NEXT_US ONSET_FRAME ONSET_US
       NEXT: the first cycle that begins after the message was sent; ONSET: the first sample above LEVEL
   pair NAME GAP_FRAMES FIRST_ERROR SECOND_ERROR SPACING_ERROR
       two bundles GAP_FRAMES apart: onset minus tag of each in frames (JACK's clock), and their distance minus GAP
   miss NAME
   stall NAME
       the machine stood still (a cycle was lost, or ran more than half a period off JACK's clock): shot again

   Times are JACK's microseconds; a frame's time is interpolated inside its cycle. The last line is
   "rate RATE period FRAMES". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <jack/jack.h>
#include <math.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#define MAX_TARGETS 4
#define ONSETS 1024
#define CYCLES 4096
#define GATE_FRAMES 32 /* silence after which the next loud sample is a new onset */
#define TIMEOUT_SECONDS 0.6
#define MAX_BYTES (1 << 20)
#define MAX_TRIES 20
#define NTP_EPOCH 2208988800ULL

struct cycle { jack_nframes_t frame; double start_us, frame_us, woken_us; };

struct messages { unsigned char *bytes; long size, next; };

struct target {
    const char *name, *source;
    int socket;
    struct messages start, cut;
    jack_port_t *input;
    jack_nframes_t onsets[ONSETS];
    atomic_uint heard;  /* onsets written so far; written by the callback */
    atomic_uint silent; /* frames since the last loud one */
    unsigned taken;
};

static jack_client_t *client;
static struct target targets[MAX_TARGETS];
static int target_count;
static struct cycle cycles[CYCLES];
static atomic_uint cycle_count;
static sem_t onset_happened;
static float level = 0.05f;
static double rate;

static void fail(const char *what, const char *which)
{
    fprintf(stderr, "probe: %s %s\n", what, which);
    exit(1);
}

/* ---- in the callback ---- */

static void listen_to(struct target *t, jack_nframes_t frames, jack_nframes_t first)
{
    const float *in = jack_port_get_buffer(t->input, frames);
    unsigned silent = atomic_load_explicit(&t->silent, memory_order_relaxed);
    for (jack_nframes_t i = 0; i < frames; i++) {
        if (fabsf(in[i]) <= level) {
            silent++;
            continue;
        }
        if (silent >= GATE_FRAMES) {
            unsigned n = atomic_load_explicit(&t->heard, memory_order_relaxed);
            t->onsets[n % ONSETS] = first + i;
            atomic_store_explicit(&t->heard, n + 1, memory_order_release);
            sem_post(&onset_happened);
        }
        silent = 0;
    }
    atomic_store_explicit(&t->silent, silent, memory_order_release);
}

static int process(jack_nframes_t frames, void *unused)
{
    (void)unused;
    jack_nframes_t frame;
    jack_time_t start, next;
    float period;
    jack_get_cycle_times(client, &frame, &start, &next, &period);
    unsigned n = atomic_load_explicit(&cycle_count, memory_order_relaxed);
    cycles[n % CYCLES] = (struct cycle){frame, start, period / frames, jack_get_time()};
    atomic_store_explicit(&cycle_count, n + 1, memory_order_release);
    for (int i = 0; i < target_count; i++)
        listen_to(&targets[i], frames, frame);
    return 0;
}

/* ---- time ---- */

static struct cycle cycle_back(unsigned back)
{
    return cycles[(atomic_load_explicit(&cycle_count, memory_order_acquire) - 1 - back) % CYCLES];
}

static double frame_time(jack_nframes_t frame)
{
    struct cycle c = cycle_back(0);
    for (unsigned back = 1; back < CYCLES / 2 && (int32_t)(frame - c.frame) < 0; back++)
        c = cycle_back(back);
    return c.start_us + (int32_t)(frame - c.frame) * c.frame_us;
}

static struct cycle first_cycle_after(double when_us)
{
    struct cycle c = cycle_back(0), earlier;
    if (c.start_us <= when_us) { /* not logged yet: the one after the latest */
        jack_nframes_t frames = jack_get_buffer_size(client);
        return (struct cycle){c.frame + frames, c.start_us + frames * c.frame_us, c.frame_us, 0};
    }
    for (unsigned back = 1; back < CYCLES / 2 && (earlier = cycle_back(back)).start_us > when_us; back++)
        c = earlier;
    return c;
}

/* Whether any cycle since a moment, or the one before it, was lost or ran off JACK's clock. */
static int stalled_since(double when_us)
{
    jack_nframes_t frames = jack_get_buffer_size(client);
    for (unsigned back = 0; back < CYCLES / 2; back++) {
        struct cycle c = cycle_back(back), earlier = cycle_back(back + 1);
        if (c.frame - earlier.frame != frames || fabs(c.woken_us - c.start_us) > frames * c.frame_us / 2)
            return 1;
        if (c.woken_us < when_us)
            return 0;
    }
    return 0;
}

static void sleep_us(double us)
{
    if (us <= 0)
        return;
    struct timespec t = {(time_t)(us / 1e6), (long)(fmod(us, 1e6) * 1e3)};
    nanosleep(&t, NULL);
}

/* Sleep until a moment at `phase` (0 to 1) of one of the next periods. */
static void wait_phase(double phase)
{
    struct cycle c = cycle_back(0);
    double period = c.frame_us * jack_get_buffer_size(client), now = jack_get_time();
    double when = c.start_us + phase * period;
    if (when < now)
        when += ceil((now - when) / period) * period;
    sleep_us(when - now);
}

static double unix_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

/* JACK's time and the wall's at one moment: the tightest of a few tries. */
static void both_clocks(double *jack_us, double *unix_seconds)
{
    double tightest = 1;
    for (int i = 0; i < 8; i++) {
        double before = unix_now(), jack = jack_get_time() + 0.5, after = unix_now();
        if (after - before < tightest) {
            tightest = after - before;
            *jack_us = jack;
            *unix_seconds = (before + after) / 2;
        }
    }
}

/* ---- sending and hearing ---- */

static void send_next(struct target *t, struct messages *m, uint64_t tag)
{
    static unsigned char packet[MAX_BYTES + 20];
    unsigned char *at = m->bytes + m->next;
    uint32_t length = (uint32_t)at[0] << 24 | at[1] << 16 | at[2] << 8 | at[3];
    if (tag) {
        memcpy(packet, "#bundle", 8);
        for (int i = 0; i < 8; i++)
            packet[8 + i] = tag >> (56 - 8 * i);
        memcpy(packet + 16, at, 4 + length);
        send(t->socket, packet, 20 + length, 0);
    } else {
        send(t->socket, at + 4, length, 0);
    }
    m->next = (m->next + 4 + length) % m->size;
}

static void wait_silence(struct target *t, unsigned frames)
{
    double give_up = jack_get_time() + 5e6;
    while (atomic_load_explicit(&t->silent, memory_order_acquire) < frames && jack_get_time() < give_up)
        sleep_us(300);
    t->taken = atomic_load_explicit(&t->heard, memory_order_acquire);
}

/* The next onset of a target, or 0 with `frame` untouched when none comes before `timeout` seconds. */
static int wait_onset(struct target *t, double timeout, jack_nframes_t *frame)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    double end = until.tv_sec + until.tv_nsec * 1e-9 + timeout;
    until.tv_sec = (time_t)end;
    until.tv_nsec = (long)((end - until.tv_sec) * 1e9);
    while (atomic_load_explicit(&t->heard, memory_order_acquire) == t->taken)
        if (sem_timedwait(&onset_happened, &until))
            return 0;
    *frame = t->onsets[t->taken++ % ONSETS];
    return 1;
}

/* All of these return whether the machine let the shot count. */

static int stalled(const struct target *t)
{
    printf("stall %s\n", t->name);
    sleep_us(20000);
    return 0;
}

static int shoot(struct target *t, int print)
{
    double sent = jack_get_time();
    jack_nframes_t onset;
    send_next(t, &t->start, 0);
    int heard = wait_onset(t, TIMEOUT_SECONDS, &onset);
    if (t->cut.size)
        send_next(t, &t->cut, 0);
    if (stalled_since(sent))
        return stalled(t);
    if (!print)
        return 1;
    if (!heard)
        return printf("miss %s\n", t->name);
    struct cycle next = first_cycle_after(sent);
    return printf("shot %s %.0f %u %.3f %u %.3f\n", t->name, sent, next.frame, next.start_us, onset,
                  frame_time(onset));
}

static int shoot_pair(struct target *t, double ahead_seconds, int print)
{
    double jack_us = 0, unix_seconds = 0;
    both_clocks(&jack_us, &unix_seconds);
    int gap = 500 + rand() % 2000;
    /* a moment between frames, so that rounding is in the figures */
    double ahead = ahead_seconds + (rand() % 10000) * 1e-7, tag_seconds = unix_seconds + ahead;
    uint64_t whole = (uint64_t)tag_seconds;
    uint64_t first = (whole + NTP_EPOCH) << 32 | (uint64_t)((tag_seconds - whole) * 4294967296.0);
    uint64_t second = first + (uint64_t)llround(gap / rate * 4294967296.0);
    jack_nframes_t onset[2];
    send_next(t, &t->start, first);
    send_next(t, &t->start, second);
    double timeout = ahead + gap / rate + TIMEOUT_SECONDS;
    int heard = wait_onset(t, timeout, &onset[0]) && wait_onset(t, timeout, &onset[1]);
    if (stalled_since(jack_us))
        return stalled(t);
    if (!print)
        return 1;
    if (!heard)
        return printf("miss %s\n", t->name);
    double target = jack_us + ahead * 1e6, error[2];
    for (int i = 0; i < 2; i++)
        error[i] = (frame_time(onset[i]) - target - i * gap / rate * 1e6) * rate * 1e-6;
    return printf("pair %s %d %.3f %.3f %d\n", t->name, gap, error[0], error[1], (int)(onset[1] - onset[0]) - gap);
}

/* ---- setting up ---- */

static struct messages read_messages(const char *path)
{
    struct messages m = {malloc(MAX_BYTES), 0, 0};
    FILE *file = fopen(path, "rb");
    if (!file || !m.bytes || (m.size = fread(m.bytes, 1, MAX_BYTES, file)) < 5)
        fail("can't read messages from", path);
    fclose(file);
    return m;
}

static void add_target(char **arguments, const char *cut)
{
    struct target *t = &targets[target_count++];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    t->name = arguments[0];
    t->source = arguments[2];
    t->start = read_messages(arguments[3]);
    if (cut)
        t->cut = read_messages(cut);
    t->socket = socket(AF_INET, SOCK_DGRAM, 0);
    if (connect(t->socket, (void *)&to, sizeof to))
        fail("can't send to", arguments[1]);
    t->input = jack_port_register(client, t->name, JACK_DEFAULT_AUDIO_TYPE, JackPortIsInput, 0);
    if (!t->input)
        fail("can't register port", t->name);
}

static void start_listening(void)
{
    jack_set_process_callback(client, process, NULL);
    if (jack_activate(client))
        fail("can't activate", "the JACK client");
    for (int i = 0; i < target_count; i++)
        if (jack_connect(client, targets[i].source, jack_port_name(targets[i].input)))
            fail("can't connect", targets[i].source);
    while (atomic_load_explicit(&cycle_count, memory_order_acquire) < 200)
        sleep_us(1000);
}

int main(int count, char **arguments)
{
    int shots = 1000, warm = 20, option;
    double ahead_seconds = 0, quiet_seconds = 0.002;
    const char *cut = NULL;
    while ((option = getopt(count, arguments, "n:w:a:t:q:c:")) != -1)
        switch (option) {
        case 'n': shots = atoi(optarg); break;
        case 'w': warm = atoi(optarg); break;
        case 'a': ahead_seconds = atof(optarg) * 1e-3; break;
        case 't': level = atof(optarg); break;
        case 'q': quiet_seconds = atof(optarg) * 1e-3; break;
        case 'c': cut = optarg; break;
        default: return 2;
        }
    if (optind == count || (count - optind) % 4 || (count - optind) / 4 > MAX_TARGETS)
        fail("expected", "NAME PORT SOURCE MESSAGES, up to four times");
    client = jack_client_open("probe", JackNoStartServer, NULL);
    if (!client)
        fail("no JACK server", "");
    rate = jack_get_sample_rate(client);
    sem_init(&onset_happened, 0, 0);
    for (int i = optind; i < count; i += 4)
        add_target(arguments + i, cut);
    start_listening();
#ifdef __linux__
    prctl(PR_SET_TIMERSLACK, 1000);
#endif
    srand(1);
    for (int i = -warm; i < shots; i++)
        for (int k = 0; k < target_count; k++)
            for (int tries = 0, counted = 0; !counted && tries < MAX_TRIES; tries++) {
                wait_silence(&targets[k], quiet_seconds * rate);
                double golden = i * 0.6180339887498949; /* spreads any number of shots evenly */
                if (!ahead_seconds)
                    wait_phase(golden - floor(golden));
                counted = ahead_seconds ? shoot_pair(&targets[k], ahead_seconds, i >= 0) : shoot(&targets[k], i >= 0);
            }
    printf("rate %.0f period %u\n", rate, jack_get_buffer_size(client));
    jack_client_close(client);
    return 0;
}
