/* Counts the stalls of the machine itself: a JACK client that does nothing but look at the clock.

   For each line on standard input it answers "CYCLES LATE XRUNS LONGEST_US" since the line before, and ends with the
   input. LATE: cycles that began more than 1.5 periods after the one before. It is connected to nothing and its work
   is nil, so no other client can make it late; XRUNS are the server's, and tell of any client. */
#include <jack/jack.h>
#include <stdatomic.h>
#include <stdio.h>

static jack_client_t *client;
static atomic_uint cycles, late, xruns, longest_us;
static jack_time_t before;

static int process(jack_nframes_t frames, void *unused)
{
    (void)unused;
    jack_time_t now = jack_get_time();
    double period_us = 1e6 * frames / jack_get_sample_rate(client);
    unsigned interval = before ? now - before : 0;
    before = now;
    atomic_fetch_add(&cycles, 1);
    if (interval > 1.5 * period_us)
        atomic_fetch_add(&late, 1);
    if (interval > atomic_load(&longest_us))
        atomic_store(&longest_us, interval);
    return 0;
}

static int xrun(void *unused)
{
    (void)unused;
    atomic_fetch_add(&xruns, 1);
    return 0;
}

int main(void)
{
    client = jack_client_open("stall_watch", JackNoStartServer, NULL);
    if (!client) {
        fprintf(stderr, "stall_watch: no JACK server\n");
        return 1;
    }
    jack_set_process_callback(client, process, NULL);
    jack_set_xrun_callback(client, xrun, NULL);
    if (jack_activate(client))
        return 1;
    for (int c; (c = getchar()) != EOF;)
        if (c == '\n') {
            printf("%u %u %u %u\n", atomic_exchange(&cycles, 0), atomic_exchange(&late, 0),
                   atomic_exchange(&xruns, 0), atomic_exchange(&longest_us, 0));
            fflush(stdout);
        }
    jack_client_close(client);
    return 0;
}
