/*
 * A program that drives a network device by vfio, as far as any program has to before it sends its first packet:
 *
 *     vfio-user NODE ADDRESS        uses the device of this address, by the file of its group, and ends
 *     vfio-user NODE ADDRESS hold   likewise, and keeps it open until SIGTERM
 *
 * It says what it did, a step a line, and ends with 1 at the first that fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { BYTES = 1 << 20, AT = 1 << 20 };

static int must(const char *what, int result)
{
	if (result < 0) {
		printf("%s: %s\n", what, strerror(errno));
		exit(1);
	}
	printf("%s\n", what);
	return result;
}

static void map_memory(int container)
{
	void *memory = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (unsigned long)memory,
		.iova = AT,
		.size = BYTES,
	};

	must("a MiB for the program", memory == MAP_FAILED ? -1 : 0);
	must("VFIO_IOMMU_MAP_DMA", ioctl(container, VFIO_IOMMU_MAP_DMA, &map));
}

static void read_config(int device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	struct vfio_region_info config = { .argsz = sizeof(config), .index = VFIO_PCI_CONFIG_REGION_INDEX };
	unsigned short ids[2] = { 0, 0 };

	must("VFIO_DEVICE_GET_INFO", ioctl(device, VFIO_DEVICE_GET_INFO, &info));
	must("VFIO_DEVICE_GET_REGION_INFO", ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config));
	must("reading its config space", pread(device, ids, sizeof(ids), config.offset) == sizeof(ids) ? 0 : -1);
	printf("device %04x:%04x, %u regions\n", ids[0], ids[1], info.num_regions);
}

static void hold(void)
{
	sigset_t ends;
	int signal;

	sigemptyset(&ends);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, NULL);
	printf("held\n");
	sigwait(&ends, &signal);
	printf("let go\n");
}

int main(int count, char **words)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int container, group, device;

	if (count < 3)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	container = must("opening the container", open("/dev/vfio/vfio", O_RDWR));
	group = must("opening the group", open(words[1], O_RDWR));
	must("VFIO_GROUP_GET_STATUS", ioctl(group, VFIO_GROUP_GET_STATUS, &status));
	printf("viable: %s\n", status.flags & VFIO_GROUP_FLAGS_VIABLE ? "yes" : "no");
	must("VFIO_GROUP_SET_CONTAINER", ioctl(group, VFIO_GROUP_SET_CONTAINER, &container));
	if (strstr(words[1], "noiommu")) {
		must("VFIO_SET_IOMMU", ioctl(container, VFIO_SET_IOMMU, VFIO_NOIOMMU_IOMMU));
	} else {
		must("VFIO_SET_IOMMU", ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU));
		map_memory(container);
	}
	device = must("VFIO_GROUP_GET_DEVICE_FD", ioctl(group, VFIO_GROUP_GET_DEVICE_FD, words[2]));
	read_config(device);
	if (count > 3)
		hold();
	return 0;
}
