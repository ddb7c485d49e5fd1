/* The machine itself, beside an engine that a plug-in asks: bare C that does nothing but wake and answer.

   wake_watch PERIOD_US PRIORITY DEADLINE_US

   One thread asks every PERIOD_US, at the host's priority 10; another one, at PRIORITY, is woken through a futex and
   answers at once. Beside them one thread on each core looks at the clock, above all others. For each line on standard
   input it answers with what there was since the line before, and ends with the input:

   late AT_NS BY_US    a core, or the thread that asks, was held up until AT_NS for more than half a period
   miss AT_NS TOOK_US  an answer that came after DEADLINE_US
   end ASKED REALTIME  so often it asked; 0: the system grants no real-time priority

   Times are CLOCK_MONOTONIC's. */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HOST_PRIORITY 10
#define CORE_PRIORITY 90
#define EVENTS 65536

struct event { char kind; uint64_t at_ns; double us; };

static struct event events[EVENTS];
static unsigned used, asked;
static int realtime = 1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* taken for what was late only, and to tell it */
static uint64_t period_ns, deadline_ns;
static int priority;
static _Atomic uint32_t bell, answered;
static _Atomic uint64_t answered_ns;

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void sleep_until(uint64_t at_ns)
{
    struct timespec at = {(time_t)(at_ns / 1000000000ull), (long)(at_ns % 1000000000ull)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void prefer(int to)
{
    struct sched_param param = {.sched_priority = to};
    if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param))
        realtime = 0;
}

static void tell(char kind, uint64_t at_ns, uint64_t spent_ns)
{
    pthread_mutex_lock(&lock);
    if (used < EVENTS)
        events[used++] = (struct event){kind, at_ns, spent_ns / 1e3};
    pthread_mutex_unlock(&lock);
}

/* Sleep to each period's begin; returns it. What is later than half a period is told. */
static uint64_t next(uint64_t due_ns)
{
    sleep_until(due_ns);
    uint64_t now = now_ns();
    if (now - due_ns > period_ns / 2)
        tell('l', now, now - due_ns);
    return now - due_ns > period_ns ? now : due_ns;
}

_Noreturn static void *watch(void *core)
{
    cpu_set_t only;
    CPU_ZERO(&only);
    CPU_SET((long)core, &only);
    pthread_setaffinity_np(pthread_self(), sizeof only, &only);
    prefer(CORE_PRIORITY);
    for (uint64_t due_ns = now_ns();;)
        due_ns = next(due_ns + period_ns / 4);
}

_Noreturn static void *answer(void *unused)
{
    (void)unused;
    prefer(priority);
    for (uint32_t heard = 0;;) {
        while (atomic_load(&bell) == heard)
            syscall(SYS_futex, &bell, FUTEX_WAIT, heard, NULL, NULL, 0);
        heard = atomic_load(&bell);
        atomic_store(&answered_ns, now_ns());
        atomic_store(&answered, heard);
    }
}

_Noreturn static void *ask(void *unused)
{
    (void)unused;
    (void)unused;
    prefer(HOST_PRIORITY);
    uint64_t asked_ns = 0;
    for (uint64_t due_ns = now_ns();;) {
        due_ns = next(due_ns + period_ns);
        uint64_t now = now_ns();
        if (asked_ns && atomic_load(&answered) != atomic_load(&bell)) {
            if (now - asked_ns > deadline_ns)
                tell('m', now, now - asked_ns);
            continue; /* not yet answered: asked again once it is */
        }
        if (asked_ns && atomic_load(&answered_ns) - asked_ns > deadline_ns)
            tell('m', atomic_load(&answered_ns), atomic_load(&answered_ns) - asked_ns);
        asked_ns = now_ns();
        ++asked;
        atomic_fetch_add(&bell, 1);
        syscall(SYS_futex, &bell, FUTEX_WAKE, 1, NULL, NULL, 0);
    }
}

int main(int count, char **words)
{
    if (count != 4)
        return 2;
    period_ns = 1000 * strtoull(words[1], NULL, 10);
    priority = atoi(words[2]);
    deadline_ns = 1000 * strtoull(words[3], NULL, 10);
    pthread_t thread;
    for (long core = 0; core < sysconf(_SC_NPROCESSORS_ONLN); ++core)
        pthread_create(&thread, NULL, watch, (void *)core);
    pthread_create(&thread, NULL, answer, NULL);
    pthread_create(&thread, NULL, ask, NULL);
    for (int c; (c = getchar()) != EOF;) {
        if (c != '\n')
            continue;
        pthread_mutex_lock(&lock);
        for (unsigned n = 0; n < used; ++n)
            printf("%s %llu %.0f\n", events[n].kind == 'l' ? "late" : "miss", (unsigned long long)events[n].at_ns,
                   events[n].us);
        printf("end %u %d\n", asked, realtime);
        used = asked = 0;
        pthread_mutex_unlock(&lock);
        fflush(stdout);
    }
    return 0;
}
