-- Types some keys in Neovim, and notes when the ghost text of each is there.
-- `STARCODER_EDITOR` is a JSON object: line, column, keys, the file for the results, and where
-- they are others than llama.vim's the namespace of the ghost text and the key that accepts it.
local task = vim.json.decode(vim.env.STARCODER_EDITOR)
local namespace = vim.api.nvim_create_namespace(task.namespace or 'vt_fim')

local function run(steps)
  local routine = coroutine.create(steps)
  local function resume()
    local fine, problem = coroutine.resume(routine)
    if not fine then
      io.stderr:write(problem, '\n')
      vim.cmd('cquit')
    end
  end
  function Wait(milliseconds)
    vim.defer_fn(resume, milliseconds)
    coroutine.yield()
  end
  resume()
end

local function wait_until(condition, seconds)
  local deadline = vim.uv.hrtime() + seconds * 1e9
  while not condition() and vim.uv.hrtime() < deadline do
    Wait(2)
  end
end

local function ghost()
  local marks = vim.api.nvim_buf_get_extmarks(0, namespace, 0, -1, { details = true })
  for _, mark in ipairs(marks) do
    if mark[4].virt_text then
      return mark[4].virt_text[1][1]
    end
  end
end

local function is_idle()
  for _, channel in ipairs(vim.api.nvim_list_chans()) do
    if channel.stream == 'job' then
      return false
    end
  end
  return true
end

run(function()
  Wait(500)
  vim.api.nvim_win_set_cursor(0, { task.line, 0 })
  local text = vim.api.nvim_get_current_line()
  vim.api.nvim_set_current_line(text:sub(1, task.column))
  vim.api.nvim_input('A')
  Wait(100)
  local results = {}
  for key in task.keys:gmatch('.') do
    wait_until(is_idle, 60)
    vim.g.cache_data, vim.g.cache_lru_order = vim.empty_dict(), {}
    local begin = vim.uv.hrtime()
    vim.api.nvim_input(key == '<' and '<lt>' or key)
    Wait(1)
    wait_until(ghost, 60)
    local seconds = (vim.uv.hrtime() - begin) / 1e9
    table.insert(results, { seconds = seconds, text = ghost() or vim.NIL })
  end
  vim.api.nvim_input(task.accept or '<Tab>')
  Wait(500)
  local accepted = vim.api.nvim_buf_get_lines(0, task.line - 1, task.line, true)[1]
  table.insert(results, { accepted = accepted })
  vim.fn.writefile({ vim.json.encode(results) }, task.results)
  vim.cmd('qall!')
end)
