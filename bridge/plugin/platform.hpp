// SPDX-License-Identifier: ISC
// What differs between systems: named shared memory, waiting on a word of it, clocks.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>

#ifdef _WIN32
#ifndef NOMINMAX
#define NOMINMAX
#endif
#ifndef WIN32_LEAN_AND_MEAN
#define WIN32_LEAN_AND_MEAN
#endif
#include <windows.h>
#else
#include <cerrno>
#include <csignal>
#include <ctime>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

namespace cuevox {

template <class T>
inline T load_acquire(const T& word) { return __atomic_load_n(&word, __ATOMIC_ACQUIRE); }

template <class T, class U>
inline void store_release(T& word, U value) { __atomic_store_n(&word, static_cast<T>(value), __ATOMIC_RELEASE); }

template <class T>
inline bool swap_if(T& word, T expected, T wanted)
{
    return __atomic_compare_exchange_n(&word, &expected, wanted, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

// The link's name, as the setting `daw_link` has it: several engines can run beside each other.
inline std::string link_name()
{
    const char* const wanted = std::getenv("CUEVOX_DAW_LINK");
    const std::string name = wanted != nullptr && *wanted != '\0' ? wanted : "cuevox";
#ifdef _WIN32
    return "Local\\cuevox-daw-" + name;
#else
    return "/" + name + "-" + std::to_string(getuid());  // macOS allows 31 characters
#endif
}

#ifdef _WIN32

inline uint32_t this_process() { return GetCurrentProcessId(); }

inline bool lives(uint32_t process)
{
    HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION, FALSE, process);
    if (handle == nullptr)
        return GetLastError() == ERROR_ACCESS_DENIED;
    DWORD code = 0;
    const bool runs = GetExitCodeProcess(handle, &code) && code == STILL_ACTIVE;
    CloseHandle(handle);
    return runs;
}

inline uint64_t monotonic_ns()
{
    LARGE_INTEGER count, per_second;
    QueryPerformanceCounter(&count);
    QueryPerformanceFrequency(&per_second);
    const uint64_t whole = count.QuadPart / per_second.QuadPart, rest = count.QuadPart % per_second.QuadPart;
    return whole * 1000000000ull + rest * 1000000000ull / per_second.QuadPart;
}

inline void sleep_ms(uint32_t milliseconds) { Sleep(milliseconds); }
inline void wake(uint32_t&) {}  // WaitOnAddress does not reach other processes: the engine looks by itself
inline void wait_on(uint32_t&, uint32_t) { Sleep(1); }

#else

inline uint32_t this_process() { return static_cast<uint32_t>(getpid()); }
inline bool lives(uint32_t process) { return kill(static_cast<pid_t>(process), 0) == 0 || errno == EPERM; }

inline uint64_t monotonic_ns()
{
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1000000000ull + static_cast<uint64_t>(now.tv_nsec);
}

inline void sleep_ms(uint32_t milliseconds)
{
    const timespec time = {static_cast<time_t>(milliseconds / 1000), static_cast<long>(milliseconds % 1000) * 1000000L};
    nanosleep(&time, nullptr);
}

#ifdef __linux__

inline void wake(uint32_t& word) { syscall(SYS_futex, &word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }

// Wait until somebody wakes the word, it is no longer `seen`, or 2 ms have passed.
inline void wait_on(uint32_t& word, uint32_t seen)
{
    const timespec time = {0, 2000000};
    syscall(SYS_futex, &word, FUTEX_WAIT, seen, &time, nullptr, 0);
}

#else

inline void wake(uint32_t&) {}  // no public call wakes another process by address: the engine looks by itself
inline void wait_on(uint32_t&, uint32_t)
{
    const timespec time = {0, 200000};
    nanosleep(&time, nullptr);
}

#endif
#endif

// A named segment that somebody else has made. Not for the audio thread.
class SharedMemory {
public:
    ~SharedMemory() { close(); }

    bool open(const std::string& name, size_t least_bytes);
    void close();
    void* data() const { return data_; }

    // Whether the name now stands for another segment: the engine has made a new one.
    bool is_replaced(const std::string& name) const;

private:
    void* data_ = nullptr;
    size_t bytes_ = 0;
    uint64_t identity_ = 0;
#ifdef _WIN32
    HANDLE handle_ = nullptr;
#endif
};

#ifdef _WIN32

inline bool SharedMemory::open(const std::string& name, size_t least_bytes)
{
    handle_ = OpenFileMappingA(FILE_MAP_ALL_ACCESS, FALSE, name.c_str());
    if (handle_ == nullptr)
        return false;
    data_ = MapViewOfFile(handle_, FILE_MAP_ALL_ACCESS, 0, 0, 0);  // all of it
    MEMORY_BASIC_INFORMATION about;
    bytes_ = data_ != nullptr && VirtualQuery(data_, &about, sizeof about) != 0 ? about.RegionSize : 0;
    if (bytes_ < least_bytes)
        close();
    return data_ != nullptr;
}

inline void SharedMemory::close()
{
    if (data_ != nullptr)
        UnmapViewOfFile(data_);
    if (handle_ != nullptr)
        CloseHandle(handle_);
    data_ = nullptr;
    handle_ = nullptr;
}

inline bool SharedMemory::is_replaced(const std::string&) const { return false; }  // it lives while we have it

#else

inline bool SharedMemory::open(const std::string& name, size_t least_bytes)
{
    const int file = shm_open(name.c_str(), O_RDWR, 0600);
    if (file < 0)
        return false;
    struct stat about;
    if (fstat(file, &about) == 0 && static_cast<size_t>(about.st_size) >= least_bytes) {
        bytes_ = static_cast<size_t>(about.st_size);
        identity_ = static_cast<uint64_t>(about.st_ino);
        void* const mapped = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        data_ = mapped == MAP_FAILED ? nullptr : mapped;
    }
    ::close(file);
    if (data_ == nullptr)
        return false;
    mlock(data_, bytes_);  // where the system grants it: the audio thread should wait for no page
    return true;
}

inline void SharedMemory::close()
{
    if (data_ != nullptr)
        munmap(data_, bytes_);
    data_ = nullptr;
}

inline bool SharedMemory::is_replaced(const std::string& name) const
{
    const int file = shm_open(name.c_str(), O_RDWR, 0600);
    if (file < 0)
        return false;  // the engine is gone: what we have says so
    struct stat about;
    const bool other = fstat(file, &about) == 0 && static_cast<uint64_t>(about.st_ino) != identity_ && about.st_size > 0;
    ::close(file);
    return other;
}

#endif

}  // namespace cuevox
