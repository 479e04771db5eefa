/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/pty_size.h"

#include <string.h>

#include "server/keeper/asks.h"
#include "server/keeper/client.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"
#include "server/keeper/pty_checkpoint.h"
#include "server/keeper/recorder.h"

void
pty_size_tell(struct pty *pty)
{
	struct terminal_size now = terminal_get_size(pty->terminal);
	const struct link_resize resize = {now.rows, now.cols};

	if (pty->exec->state == EXEC_ENDED ||
	    (now.rows == pty->told.rows && now.cols == pty->told.cols))
		return;
	pty->told = now;
	link_send_resize(&pty->exec->keeper->link, pty->exec->number, &resize);
}

void
pty_size_tell_again(struct pty *pty)
{
	memset(&pty->told, 0, sizeof(pty->told));
	pty_size_tell(pty);
}

static void
set_size(struct pty *pty, const struct terminal_size *size)
{
	struct terminal_size now = terminal_get_size(pty->terminal);
	struct keeper *keeper = pty->exec->keeper;
	struct client *each = TAILQ_FIRST(&pty->clients);
	size_t before, after;

	if (size->rows == now.rows && size->cols == now.cols)
		return;
	before = terminal_cells(pty->terminal);
	after = (size_t)size->rows * size->cols;
	if (after > before && keeper_check_cells(keeper, after - before, NULL))
		return;
	keeper->cells = keeper->cells - before + after;
	terminal_resize(pty->terminal, size);
	if (pty->exec->state != EXEC_WAITING)
		pty_size_tell(pty);
	recorder_resize(pty->recorder, size);
	pty_checkpoint_note(pty);
	asks_tell(pty->asks, ASKS_RESIZE);
	for (; each != NULL; each = TAILQ_NEXT(each, entry))
		client_renew(each);
}

void
pty_size_ask(struct pty *pty, const struct terminal_size *size)
{
	pty->asked = *size;
	set_size(pty, size);
	pty_checkpoint_note(pty);
}

static void
take_smaller(uint16_t *side, uint16_t other)
{
	if (*side == 0 || other < *side)
		*side = other;
}

static void
take_larger(uint16_t *side, uint16_t other)
{
	if (other > *side)
		*side = other;
}

/* The smallest or the largest of all who may type; no rows: nobody may. */
static struct terminal_size
size_of_all(const struct pty *pty)
{
	void (*const take)(uint16_t *, uint16_t) =
	    pty->policy == SIZE_SMALLEST ? take_smaller : take_larger;
	const struct client *each = TAILQ_FIRST(&pty->clients);
	struct terminal_size size = {0};

	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		if (!each->may_type)
			continue;
		take(&size.rows, each->size.rows);
		take(&size.cols, each->size.cols);
	}
	return size;
}

void
pty_size_fit(struct pty *pty)
{
	struct terminal_size size = {0};

	if (pty->policy == SIZE_FIXED)
		size = pty->asked;
	else if (pty->policy != SIZE_LATEST)
		size = size_of_all(pty);
	else if (pty->leader != NULL)
		size = pty->leader->size;
	if (size.rows > 0)
		set_size(pty, &size);
	pty_checkpoint_note(pty);
}
