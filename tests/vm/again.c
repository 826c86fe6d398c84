// again KERNEL INITRAMFS COMMAND-LINE: goes into that kernel by kexec, without a shutdown.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  const int kernel = open(argv[1], O_RDONLY);
  const int initramfs = open(argv[2], O_RDONLY);
  if (syscall(SYS_kexec_file_load, kernel, initramfs, strlen(argv[3]) + 1, argv[3], 0UL) != 0) {
    perror("kexec_file_load");
    return 1;
  }
  reboot(RB_KEXEC);
  perror("reboot");
  return 1;
}
